"""A training of :mod:`pyxai.dxai` on pictures in class folders, for a classifier that is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import torch

from pyxai.dxai.networks import check_size
from pyxai.dxai.training import CHECKPOINT, Recipe, Training
from pyxai.engine.data.labelled import labelled_images
from pyxai.engine.decomposition.classifier import check_classes, given_classifier, trained_classifier
from pyxai.engine.errors import InputError, refusals
from pyxai.engine.models.dxai import kind_to_train
from pyxai.engine.models.weights import weights_hash
from pyxai.engine.runner.distributed import World


def begin(
    data: Path,
    out: Path,
    classifier: str,
    place: World,
    *,
    image_size: int | None = None,
    grey: bool = False,
    evaluation: bool = False,
    device: str | None = None,
    resume: bool = False,
    **recipe: Any,
) -> Training:
    """Everything before the first step: pictures, classifier, networks. A refusal has written nothing.

    Args:
        data: tree or zip with one folder of pictures for each class.
        out: folder for the run; one that is there is continued with ``resume`` only.
        classifier: a model specification, ``discriminator``, ``train`` or ``train:KIND``.
        place: this process among those of the training.
        image_size: side in pixels; None for the classifier's, or 64 where it has none.
        grey: one channel in place of three.
        evaluation: whether a classifier in training mode is put into evaluation mode, not refused.
        device: where to train; None for CUDA where there is one.
        recipe: what else :class:`pyxai.dxai.training.Recipe` takes.

    Raises:
        InputError: it cannot be done.
    """
    if (out / CHECKPOINT).exists() and not resume:
        raise InputError(f"{out} holds a training: continue it with --resume, or choose another --out")
    if device is None:
        device = f"cuda:{place.local_rank}" if torch.cuda.is_available() else "cpu"
    with refusals():
        if image_size is not None:
            check_size(image_size)
        explained, preprocess = given_classifier(classifier, image_size, grey, evaluation)
        images, size = labelled_images(data, preprocess)
        settled = Recipe(
            size=size,
            classes=images.classes,
            classifier=classifier,
            data=images.identity,
            black=preprocess.black,
            white=preprocess.white,
            channels=preprocess.channels,
            **recipe,
        )
        if kind := kind_to_train(classifier):
            explained = trained_classifier(kind, settled, images, out, device, place)
        if explained is not None:
            check_classes(explained, images)
            explained = explained.to(device, memory_format=torch.channels_last)
            settled = dataclasses.replace(settled, classifier=f"{classifier} {weights_hash(explained)}")
        return Training(settled, images, explained, out, device=device, resume=resume)
