"""The classifier that a training of :mod:`pyxai.dxai` made beside the generators, as a model to explain."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from pyxai.dxai.classifiers import CLASSIFIERS
from pyxai.dxai.training import Recipe, load_checkpoint
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError
from pyxai.engine.models.weights import load_weights

CLASSIFIER = "classifier.pt"


def training_preprocess(size: int, channels: int) -> Preprocess:
    """What such a classifier's images are: square, in [-1, 1]."""
    return Preprocess(size, size, mean=(0.5,), std=(0.5,), channels="L" if channels == 1 else "RGB")


def new_classifier(kind: str, size: int, classes: int, channels: int) -> nn.Module:
    """An untrained one of ``train:KIND``."""
    if kind not in CLASSIFIERS:
        raise InputError(f"train:NAME knows {', '.join(CLASSIFIERS)}, got {kind!r}")
    return CLASSIFIERS[kind](size, classes, channels)


def decomposed_model(run: Path) -> tuple[nn.Module, Preprocess]:
    """The explained classifier of the training in the folder ``run``, and its preprocessing."""
    try:
        state = load_checkpoint(run)
    except ValueError as error:
        raise InputError(str(error)) from None
    recipe = Recipe.from_json(state["recipe"])
    channels = len(recipe.black)
    scheme, _, kind = recipe.classifier.split()[0].partition(":")
    if scheme == "discriminator":
        networks = recipe.networks()
        networks.load_state_dict(state["average"])
        model = networks.discriminator
    elif scheme == "train":
        with torch.device("meta"):
            model = new_classifier(kind or "resnet18", recipe.size, len(recipe.classes), channels)
        model.to_empty(device="cpu")
        load_weights(model, run / CLASSIFIER)
    else:
        raise InputError(f"{run} was trained for the model {recipe.classifier.rpartition(' ')[0]}: give that")
    return model.eval().requires_grad_(False), training_preprocess(recipe.size, channels)
