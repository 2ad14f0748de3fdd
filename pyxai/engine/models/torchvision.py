"""``torchvision:NAME``: models of torchvision, with the preprocessing their publishers state."""

from __future__ import annotations

from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.models.hub import need, publishing


def torchvision_model(name: str, weights: str) -> tuple[nn.Module, Preprocess]:
    """A model with the ``weights`` of its table, "" for their ``DEFAULT``; random where it is ``none``."""
    spec = f"torchvision:{name}"
    torchvision = need("torchvision", spec)
    with publishing(spec):
        builder = torchvision.models.get_model_builder(name)
        choices = torchvision.models.get_model_weights(builder)
        chosen = None if weights == "none" else choices[weights or "DEFAULT"]
        model = builder(weights=chosen)
    if chosen is not None:
        model.class_names = list(chosen.meta.get("categories", ()))
    transform = (chosen or choices["DEFAULT"]).transforms()
    preprocess = Preprocess(
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        interpolation=transform.interpolation.value,
    )
    return model.eval(), preprocess
