"""``pyxai dxai train``."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxai.engine import InputError, Preprocess, RunError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pyxai.dxai.data import LabelledImages
    from pyxai.dxai.losses import Objective
    from pyxai.dxai.training import Progress, Recipe
    from pyxai.engine.runner.distributed import World

CACHE = 2**31  # bytes of decoded images that are kept; of more, none


def train(
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Tree or zip with one folder for each class.")],
    out: Annotated[Path, typer.Option(metavar="RUN", help="Folder for checkpoint, log and samples.")],
    classifier: Annotated[
        str,
        typer.Option(
            metavar="SPEC|train|discriminator",
            help="The explained classifier: as for `pyxai explain`; train or train:simple: a ResNet-18 or "
            "the paper's simple one, trained first; discriminator: the one that is trained anyway.",
        ),
    ] = "discriminator",
    iterations: Annotated[int, typer.Option(help="Steps in all. The paper has 300000.")] = 20_000,
    image_size: Annotated[
        int | None, typer.Option(help="Side in pixels; default: the classifier's, else 64.")
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="One channel in place of three.")] = False,
    batch: Annotated[int, typer.Option(help="Images of a step.")] = 8,
    accumulate: Annotated[int, typer.Option(help="Parts a batch is split into, to save memory.")] = 1,
    branches: Annotated[int, typer.Option(help="Of the generator; the first is the distinct one.")] = 5,
    generator_width: Annotated[
        int, typer.Option(help="Channels of a branch at full resolution; 7 as published.")
    ] = 7,
    discriminator_width: Annotated[
        int | None, typer.Option(help="Channels at full resolution; default: 2^14 / side, as published.")
    ] = None,
    input_norm: Annotated[
        bool, typer.Option(help="Normalise the generator's input, which hides brightness and colour casts.")
    ] = True,
    objective: Annotated[str, typer.Option(metavar="paper|code", help="Forms of the losses.")] = "paper",
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="K=V", help="Weight or form of a loss in place of the objective's."),
    ] = None,
    augmentation: Annotated[str, typer.Option(metavar="none|flip|dihedral")] = "flip",
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    decay: Annotated[float, typer.Option(help="Of the weights' moving average.")] = 0.999,
    precision: Annotated[str, typer.Option(metavar="fp32|bf16")] = "fp32",
    seed: Annotated[int, typer.Option()] = 0,
    device: Annotated[str | None, typer.Option(help="Default: cuda where there is one.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run if it exists.")] = False,
    minutes: Annotated[float, typer.Option(help="Between checkpoints.")] = 5.0,
    report_every: Annotated[int, typer.Option(help="Steps between reports and sample sheets.")] = 100,
) -> None:
    """Train a decomposition for a classifier and a data set. Also under torchrun."""
    import torch

    from pyxai.checks import whole
    from pyxai.dxai.networks import check_size
    from pyxai.dxai.step import Diverged
    from pyxai.dxai.training import CHECKPOINT, Recipe, Training
    from pyxai.engine.models.weights import weights_hash
    from pyxai.engine.runner.distributed import world

    if precision not in ("fp32", "bf16"):
        raise InputError(f"--precision must be one of fp32, bf16, got {precision!r}")
    if (out / CHECKPOINT).exists() and not resume:
        raise InputError(f"{out} holds a training: continue it with --resume, or choose another --out")
    with world() as place:
        if device is None:
            device = f"cuda:{place.local_rank}" if torch.cuda.is_available() else "cpu"
        try:
            whole("--iterations", iterations, 1)
            whole("--report-every", report_every, 1)
            if image_size is not None:
                check_size(image_size)
            explained, preprocess = _classifier(classifier, image_size, grey)
            images, size = labelled_images(data, preprocess)
            recipe = Recipe(
                size=size,
                classes=images.classes,
                classifier=classifier,
                data=images.identity,
                black=preprocess.black,
                white=preprocess.white,
                channels=preprocess.channels,
                branches=branches,
                generator_width=generator_width,
                input_norm=input_norm,
                discriminator_width=discriminator_width,
                objective=_objective(objective, set_ or []),
                batch=batch,
                accumulate=accumulate,
                rate=rate,
                decay=decay,
                bf16=precision == "bf16",
                augmentation=augmentation,
                seed=seed,
            )
            scheme, _, kind = classifier.partition(":")
            if scheme == "train":
                explained = _trained(kind or "resnet18", recipe, images, out, device, place)
            if explained is not None:
                check_classes(explained, images)
                explained = explained.to(device, memory_format=torch.channels_last)
                name = f"{classifier} {weights_hash(explained)}"
                recipe = dataclasses.replace(recipe, classifier=name)
            training = Training(recipe, images, explained, out, device=device, resume=resume)
        except ValueError as error:
            raise InputError(str(error)) from None
        speaks = place.rank == 0
        if speaks:
            count, classes = len(images.labels), len(images.classes)
            print(f"{count} images of {size}² pixels, {classes} classes, on {device}", flush=True)
        began, first = time.perf_counter(), training.iteration
        try:
            for progress in training.run(iterations, report_every=report_every, minutes=minutes):
                if speaks:
                    speed = (progress.iteration - first) / (time.perf_counter() - began)
                    _tell(progress, iterations, speed)
                    _sheet(progress).save(_samples(out) / f"{progress.iteration:07d}.png")
        except Diverged as error:
            raise RunError(f"{error}; {out / CHECKPOINT} is from before, a lower --rate may help") from None


def _objective(name: str, assignments: list[str]) -> Objective:
    """The objective of a name, with what ``field=value`` changes."""
    from pyxai.dxai.losses import OBJECTIVES

    if name not in OBJECTIVES:
        raise InputError(f"--objective must be one of {', '.join(OBJECTIVES)}, got {name!r}")
    chosen = OBJECTIVES[name]
    known, changes = dataclasses.asdict(chosen), {}
    readers = {float: float, str: str, bool: {"true": True, "false": False}.__getitem__}
    for assignment in assignments:
        field, _, value = assignment.partition("=")
        if field not in known:
            raise InputError(f"--set {assignment}: the objective has {', '.join(known)}")
        kind = type(known[field])
        try:
            changes[field] = readers[kind](value)
        except (KeyError, ValueError):
            wanted = "true or false" if kind is bool else "a number"
            raise InputError(f"--set {assignment}: {field} must be {wanted}") from None
    return dataclasses.replace(chosen, **changes)


def explained_classifier(model: nn.Module) -> nn.Module:
    """``model``, frozen, with scores whose softmax is its class probabilities.

    Of a single logit s these are (-s/2, s/2), so that class 1 has the probability σ(s).
    """
    import torch

    from pyxai.capture.classifier import Classifier, class_scores

    def scores(raw):
        found = class_scores(raw)
        single = isinstance(found, torch.Tensor) and (found.ndim == 1 or found.shape[1:] == (1,))
        return found / 2 if single else found

    return Classifier(model, scores).requires_grad_(False)


def _classifier(spec: str, size: int | None, grey: bool) -> tuple[nn.Module | None, Preprocess]:
    """The given classifier, or None where there is none yet; and what its images are."""
    from pyxai.capture.classifier import check_evaluation_mode
    from pyxai.engine.models.dxai import training_preprocess
    from pyxai.engine.models.load import load_model

    if spec == "discriminator" or spec.partition(":")[0] == "train":
        return None, training_preprocess(64 if size is None else size, 1 if grey else 3)
    loaded = load_model(spec)
    preprocess = loaded.preprocess
    if grey and preprocess == Preprocess():  # of a model that says nothing of its images
        preprocess = Preprocess(channels="L")
    if grey and preprocess.channels != "L":
        raise InputError(f"--grey: the classifier {spec} takes {preprocess.channels} images")
    check_evaluation_mode(loaded.model)
    if size is not None:
        preprocess = dataclasses.replace(preprocess, resize=size, crop=size)
    return explained_classifier(loaded.model), preprocess


def labelled_images(data: Path, preprocess: Preprocess) -> tuple[LabelledImages, int]:
    """The pictures of a tree with one folder for each class, and their side in pixels.

    Every picture is decoded once, so that damaged ones are known before any work.
    """
    import numpy as np
    import torch

    from pyxai.dxai.data import LabelledImages
    from pyxai.dxai.networks import check_size
    from pyxai.engine.data.sources import open_source, read_row
    from pyxai.engine.errors import RowError
    from pyxai.engine.status import WRONG_SIZE

    source = open_source(data)
    names = source.names()
    folders = [name.partition("/")[0] if "/" in name else "" for name in names]
    if source.kind == "array" or "" in folders:
        raise InputError(f"{data} must have one folder of pictures for each class")
    classes = sorted(set(folders))
    labels = np.array([classes.index(folder) for folder in folders])

    def pixels(row: int, shape: tuple[int, ...] | None) -> np.ndarray:
        try:
            return np.array(read_row(source, names[row], preprocess, shape))  # a copy can be written to
        except RowError as error:
            wrong_size = error.status == WRONG_SIZE
            reason = "its size does not fit: use --image-size" if wrong_size else error.reason
            raise InputError(f"{names[row]}: {reason}") from None

    shape = pixels(0, None).shape
    if shape[1] != shape[2]:
        raise InputError(f"pictures must be square, got {shape[1]}x{shape[2]}: use --image-size")
    check_size(shape[1])
    decoded: Callable[[int], np.ndarray] = lru_cache(maxsize=None)(lambda row: pixels(row, shape))
    if len(names) * int(np.prod(shape)) > CACHE:
        decoded = decoded.__wrapped__
    with ThreadPoolExecutor() as threads:
        for _ in threads.map(lambda row: decoded(row) is None, range(len(names))):
            pass

    def read(row: int) -> Tensor:
        return preprocess.normalise(torch.from_numpy(decoded(row))[None])[0]

    digest = hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
    identity = f"{len(names)} pictures, names {digest}"  # files may be repaired, or lie elsewhere
    return LabelledImages(read, labels, tuple(classes), identity), shape[1]


def _trained(kind: str, recipe: Recipe, images: LabelledImages, out: Path, device: str, place: World):
    """The classifier that ``train`` asks for, from ``classifier.pt``, which is made where it is not there.

    ``classifier.json``, written last, has what it was trained with and the accuracy it reached.
    """
    import torch

    from pyxai.dxai.classifiers import fit
    from pyxai.engine.models.dxai import CLASSIFIER, new_classifier
    from pyxai.engine.models.weights import load_weights

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = new_classifier(kind, recipe.size, len(recipe.classes), len(recipe.black))
    stored, record = out / CLASSIFIER, (out / CLASSIFIER).with_suffix(".json")
    wanted = {
        "kind": kind,
        "size": recipe.size,
        "channels": len(recipe.black),
        "classes": list(recipe.classes),
        "data": recipe.data,
        "augmentation": recipe.augmentation,
        "seed": recipe.seed,
    }

    def make() -> None:
        if record.exists() and stored.exists():
            found = json.loads(record.read_text())
            for name, value in wanted.items():
                if found.get(name) != value:
                    raise InputError(
                        f"{stored} was trained with {name} {found.get(name)!r}, not {value!r}: "
                        "choose another --out, or delete it"
                    )
            return
        began = time.perf_counter()
        right = fit(model, images, augmentation=recipe.augmentation, seed=recipe.seed, device=device)
        seconds = round(time.perf_counter() - began, 3)
        print(f"classifier: {right:.1%} right on images held out", flush=True)
        out.mkdir(parents=True, exist_ok=True)
        torch.save(model.cpu().state_dict(), stored)
        building = record.with_suffix(".part")
        building.write_text(json.dumps({**wanted, "accuracy": right, "seconds": seconds}, indent=1) + "\n")
        building.replace(record)

    place.leader(make)
    load_weights(model, stored)
    return explained_classifier(model.cpu().eval())


def check_classes(classifier: nn.Module, images: LabelledImages) -> None:
    """The classifier takes the images and has their classes, else an :class:`InputError`."""
    import torch

    from pyxai.engine.errors import one_line

    image = images.read(0)[None]
    try:
        with torch.no_grad():
            count = classifier(image).shape[1]
    except (RuntimeError, TypeError) as error:
        kind = "grey" if image.shape[1] == 1 else "colour"
        raise InputError(
            f"the classifier does not take {kind} images of {image.shape[-1]}²: {one_line(error)}"
        ) from None
    if count != len(images.classes):
        raise InputError(f"the classifier has {count} classes, the data {len(images.classes)}")


def _tell(progress: Progress, iterations: int, speed: float) -> None:
    left = (iterations - progress.iteration) / speed
    parts = [f"{progress.iteration}/{iterations}", f"{speed:.2f}/s", f"{left / 60:.0f} min left"]
    parts += [f"{name} {value:.3g}" for name, value in {**progress.losses, **progress.quality}.items()]
    print("  ".join(parts), flush=True)
    if progress.complaint:
        print(f"pyxai: {progress.complaint}", file=sys.stderr, flush=True)


def _samples(out: Path) -> Path:
    folder = out / "samples"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _sheet(progress: Progress):
    """Columns of image, distinct part on grey, agnostic part and residual on grey."""
    from PIL import Image

    from pyxai.dxai.pictures import grid

    sample = progress.sample
    return Image.fromarray(grid([progress.images, sample.distinct, sample.agnostic, sample.residual]))
