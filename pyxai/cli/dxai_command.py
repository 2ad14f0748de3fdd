"""``pyxai dxai train``."""

from __future__ import annotations

import dataclasses
import hashlib
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
    from pyxai.dxai.training import Progress
    from pyxai.engine.distributed import World

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
    discriminator_width: Annotated[
        int | None, typer.Option(help="Channels at full resolution; default: 2^14 / side, as published.")
    ] = None,
    input_norm: Annotated[
        bool, typer.Option(help="Normalise the generator's input, which hides brightness and colour casts.")
    ] = True,
    objective: Annotated[str, typer.Option(metavar="paper|code", help="Forms of the losses.")] = "paper",
    augmentation: Annotated[str, typer.Option(metavar="none|flip|dihedral")] = "flip",
    rate: Annotated[float, typer.Option(help="Learning rate.")] = 1e-4,
    precision: Annotated[str, typer.Option(metavar="fp32|bf16")] = "fp32",
    seed: Annotated[int, typer.Option()] = 0,
    device: Annotated[str | None, typer.Option(help="Default: cuda where there is one.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run if it exists.")] = False,
    minutes: Annotated[float, typer.Option(help="Between checkpoints.")] = 5.0,
    report_every: Annotated[int, typer.Option(help="Steps between reports and sample sheets.")] = 100,
) -> None:
    """Train a decomposition for a classifier and a data set. Also under torchrun."""
    import torch

    from pyxai.dxai.losses import OBJECTIVES
    from pyxai.dxai.step import Diverged
    from pyxai.dxai.training import CHECKPOINT, Recipe, Training
    from pyxai.engine.distributed import world
    from pyxai.engine.weights import weights_hash

    for option, value, choices in (
        ("--objective", objective, list(OBJECTIVES)),
        ("--precision", precision, ["fp32", "bf16"]),
    ):
        if value not in choices:
            raise InputError(f"{option} must be one of {', '.join(choices)}, got {value!r}")
    if (out / CHECKPOINT).exists() and not resume:
        raise InputError(f"{out} holds a training: continue it with --resume, or choose another --out")
    with world() as place:
        if device is None:
            device = f"cuda:{place.local_rank}" if torch.cuda.is_available() else "cpu"
        try:
            explained, preprocess = _classifier(classifier, image_size, grey)
            images, size = labelled_images(data, preprocess)
            name = classifier
            if classifier.partition(":")[0] == "train":
                explained = _trained(classifier, images, size, out, seed, device, place)
            if explained is not None:
                check_classes(explained, images)
                explained = explained.to(device, memory_format=torch.channels_last)
                name = f"{classifier} {weights_hash(explained)}"
            recipe = Recipe(
                size=size,
                classes=images.classes,
                classifier=name,
                data=images.identity,
                black=preprocess.black,
                white=preprocess.white,
                branches=branches,
                input_norm=input_norm,
                discriminator_width=discriminator_width,
                objective=OBJECTIVES[objective],
                batch=batch,
                accumulate=accumulate,
                rate=rate,
                bf16=precision == "bf16",
                augmentation=augmentation,
                seed=seed,
            )
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


def _classifier(spec: str, size: int | None, grey: bool) -> tuple[nn.Module | None, Preprocess]:
    """The given classifier, frozen, or None where there is none yet; and what its images are."""
    from pyxai.capture.classifier import Classifier, check_evaluation_mode
    from pyxai.engine.decomposed import training_preprocess
    from pyxai.engine.models import load_model

    if spec == "discriminator" or spec.partition(":")[0] == "train":
        return None, training_preprocess(size or 64, 1 if grey else 3)
    loaded = load_model(spec)
    preprocess = loaded.preprocess
    if grey and preprocess.channels != "L":
        raise InputError(f"--grey: the classifier {spec} takes {preprocess.channels} images")
    check_evaluation_mode(loaded.model)
    if size is not None:
        preprocess = dataclasses.replace(preprocess, resize=size, crop=size)
    return Classifier(loaded.model).requires_grad_(False), preprocess


def labelled_images(data: Path, preprocess: Preprocess) -> tuple[LabelledImages, int]:
    """The pictures of a tree with one folder for each class, and their side in pixels."""
    import numpy as np
    import torch

    from pyxai.dxai.data import LabelledImages
    from pyxai.engine.errors import RowError
    from pyxai.engine.sources import open_source, read_row

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
            raise InputError(f"{names[row]}: {error.reason}") from None

    shape = pixels(0, None).shape
    if shape[1] != shape[2]:
        raise InputError(f"pictures must be square, got {shape[1]}x{shape[2]}: use --image-size")
    decoded: Callable[[int], np.ndarray] = lru_cache(maxsize=None)(lambda row: pixels(row, shape))
    if len(names) * int(np.prod(shape)) <= CACHE:
        with ThreadPoolExecutor() as threads:  # also finds damaged pictures before any work
            list(threads.map(decoded, range(len(names))))
    else:
        decoded = decoded.__wrapped__

    def read(row: int) -> Tensor:
        return preprocess.normalise(torch.from_numpy(decoded(row))[None])[0]

    digest = hashlib.blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
    identity = f"{len(names)} pictures, names {digest}"  # files may be repaired, or lie elsewhere
    return LabelledImages(read, labels, tuple(classes), identity), shape[1]


def _trained(
    spec: str, images: LabelledImages, size: int, out: Path, seed: int, device: str, place: World
) -> nn.Module:
    """The classifier that ``train`` asks for, from ``classifier.pt``, which is made where it is not there."""
    import torch

    from pyxai.dxai.classifiers import fit
    from pyxai.dxai.networks import check_size
    from pyxai.engine.decomposed import CLASSIFIER, new_classifier

    kind = spec.partition(":")[2] or "resnet18"
    check_size(size)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = new_classifier(kind, size, len(images.classes), images.read(0).shape[0])
    stored = out / CLASSIFIER

    def make() -> None:
        if stored.exists():
            return
        right = fit(model, images, seed=seed, device=device)
        print(f"classifier: {right:.1%} right on images held out", flush=True)
        out.mkdir(parents=True, exist_ok=True)
        building = stored.with_name(f".{CLASSIFIER}")
        torch.save(model.cpu().state_dict(), building)
        building.replace(stored)

    place.leader(make)
    model.load_state_dict(torch.load(stored, weights_only=True))
    return model.cpu().eval().requires_grad_(False)


def check_classes(classifier: nn.Module, images: LabelledImages) -> None:
    import torch

    try:
        with torch.no_grad():
            count = classifier(images.read(0)[None]).shape[1]
    except (RuntimeError, TypeError) as error:
        raise InputError(f"the classifier does not take these images: {error}") from None
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
    import torch
    from PIL import Image

    sample = progress.sample
    rows = torch.stack([progress.images, sample.distinct, sample.agnostic, sample.residual])
    pixels = ((rows.float().cpu() + 1) * 127.5).clamp(0, 255).round().to(torch.uint8)
    kinds, count, channels, height, width = pixels.shape
    sheet = pixels.permute(0, 3, 1, 4, 2).reshape(kinds * height, count * width, channels)
    return Image.fromarray(sheet.squeeze(2).numpy() if channels == 1 else sheet.numpy())
