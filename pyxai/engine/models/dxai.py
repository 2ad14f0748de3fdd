"""``dxai:RUN``: the classifier that `pyxai dxai train` made beside the generators, as a model to explain."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pyxai.dxai.classifiers import CLASSIFIERS
from pyxai.dxai.training import CLASSIFIER, Recipe, load_checkpoint
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError
from pyxai.engine.models.weights import load_weights

DISCRIMINATOR = "discriminator"  # the specification of the one that is trained with the generators anyway


def kind_to_train(spec: str) -> str | None:
    """The kind of classifier that ``train`` or ``train:KIND`` asks for; None where ``spec`` is neither."""
    scheme, _, kind = spec.partition(":")
    return (kind or "resnet18") if scheme == "train" else None


def training_preprocess(size: int, channels: int) -> Preprocess:
    """What such a classifier's images are: square, in [-1, 1]."""
    return Preprocess(size, size, mean=(0.5,), std=(0.5,), channels="L" if channels == 1 else "RGB")


def new_classifier(kind: str, size: int, classes: int, channels: int) -> nn.Module:
    """An untrained one of ``train:KIND``."""
    if kind not in CLASSIFIERS:
        raise InputError(f"train:NAME knows {', '.join(CLASSIFIERS)}, got {kind!r}")
    return CLASSIFIERS[kind](size, classes, channels)


def decomposed_model(run: str) -> tuple[nn.Module, Preprocess]:
    """The explained classifier of the training in the folder ``run``, and its preprocessing."""
    try:
        state = load_checkpoint(Path(run))
    except ValueError as error:
        raise InputError(str(error)) from None
    recipe = Recipe.from_json(state["recipe"])
    channels = len(recipe.black)
    spec = recipe.classifier.split()[0]
    if spec == DISCRIMINATOR:
        networks = recipe.networks()
        networks.load_state_dict(state["average"])
        model = networks.discriminator
    elif kind := kind_to_train(spec):
        with torch.device("meta"):
            model = new_classifier(kind, recipe.size, len(recipe.classes), channels)
        model.to_empty(device="cpu")
        load_weights(model, Path(run) / CLASSIFIER)
    else:
        raise InputError(f"{run} was trained for the model {recipe.classifier.rpartition(' ')[0]}: give that")
    return model.eval().requires_grad_(False), training_preprocess(recipe.size, channels)
