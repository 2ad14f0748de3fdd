"""The classifier that a decomposition explains: given by a specification, or trained before it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from pyxai.capture.classifier import Classifier, check_evaluation_mode
from pyxai.capture.output.kinds import Asked, Output
from pyxai.capture.program import capture
from pyxai.checks import expect
from pyxai.dxai.classifiers import fit
from pyxai.dxai.data import LabelledImages
from pyxai.dxai.training import CLASSIFIER, Recipe
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.dxai import DISCRIMINATOR, kind_to_train, new_classifier, training_preprocess
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import load_weights
from pyxai.engine.runner.distributed import World


def explained_classifier(model: nn.Module) -> nn.Module:
    """``model``, frozen, with scores whose softmax is its class probabilities.

    What its output means is found out at its first call, as for an explanation. Of one logit s the scores
    are (-s/2, s/2), so that class 1 has the probability σ(s).
    """
    return _Explained(model).requires_grad_(False)


class _Explained(Classifier):
    """The model as it is, but for a softmax or sigmoid at its end, which only its graph can leave out."""

    def __init__(self, model: nn.Module):
        super().__init__(model)
        self._known: dict[tuple, tuple[Output, nn.Module | None]] = {}  # no part of the module's state

    def forward(self, images: Tensor) -> Tensor:
        output, graph = self._found(images)
        scores = output.scores(super().forward(images)) if graph is None else graph(images)
        return output.log_odds(scores, images.new_zeros(len(images), dtype=torch.int64))[0]

    def _found(self, images: Tensor) -> tuple[Output, nn.Module | None]:
        key = (images.shape[1:], images.dtype, images.device)
        if key not in self._known:
            with torch.no_grad():
                super().forward(images)  # an error of the model's own comes as it is
            program = capture(Classifier(self.model), images.detach(), asked=Asked(single="binary"))
            exclusive = program.output.end != "sigmoid" or program.output.single
            wanted = "have classes of which an image has one"
            expect(exclusive, "model", wanted, "labels with a sigmoid each")
            self._known[key] = program.output, program.forward if program.output.taken_off else None
        return self._known[key]


def given_classifier(
    spec: str, size: int | None, grey: bool, evaluation: bool = False
) -> tuple[nn.Module | None, Preprocess]:
    """The classifier of a specification, or None where there is none yet; and what its images are.

    Args:
        spec: a model specification, or ``discriminator``, ``train`` or ``train:KIND`` for one to be trained.
        size: of the images in pixels; None for the classifier's own, or 64 where there is none yet.
        grey: whether images have one channel.
        evaluation: whether one in training mode is put into evaluation mode, not refused.
    """
    if spec == DISCRIMINATOR or kind_to_train(spec):
        return None, training_preprocess(64 if size is None else size, 1 if grey else 3)
    loaded = load_model(spec)
    preprocess = loaded.preprocess
    if grey and preprocess == Preprocess():  # of a model that says nothing of its images
        preprocess = Preprocess(channels="L")
    if grey and preprocess.channels != "L":
        raise InputError(f"--grey: the classifier {spec} takes {preprocess.channels} images")
    if evaluation:
        loaded.model.eval()
    check_evaluation_mode(loaded.model)
    if size is not None:
        preprocess = preprocess.changed({"resize": size, "crop": size})
    return explained_classifier(loaded.model), preprocess


def trained_classifier(
    kind: str, recipe: Recipe, images: LabelledImages, out: Path, device: str, place: World
) -> nn.Module:
    """A classifier trained on ``images``, from ``out/classifier.pt``, which is made where it is not there.

    ``classifier.json``, written last, has what it was trained with and the accuracy it reached.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = new_classifier(kind, recipe.size, len(recipe.classes), len(recipe.black))
    place.leader(lambda: _make(model, kind, recipe, images, out, device))
    load_weights(model, out / CLASSIFIER)
    return explained_classifier(model.cpu().eval())


def _make(
    model: nn.Module, kind: str, recipe: Recipe, images: LabelledImages, out: Path, device: str
) -> None:
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


def check_classes(classifier: Callable[[Tensor], Tensor], images: LabelledImages) -> None:
    """The classifier takes the images and has their classes, else an :class:`InputError`."""
    image = images.read(0)[None]
    try:
        with torch.no_grad():
            count = classifier(image).shape[1]
    except (RuntimeError, TypeError) as error:
        kind = "grey" if image.shape[1] == 1 else "colour"
        raise InputError(
            f"the classifier does not take {kind} images of {image.shape[-1]}²: {one_line(error)}"
        ) from None
    except ValueError as error:  # what its output means is refused
        raise InputError(f"the classifier cannot be explained: {one_line(error)}") from None
    if count != len(images.classes):
        raise InputError(f"the classifier has {count} classes, the data {len(images.classes)}")
