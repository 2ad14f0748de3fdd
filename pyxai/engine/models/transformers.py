"""``hf:NAME``: image classifiers of transformers, from the hub or a local folder."""

from __future__ import annotations

from typing import Any

from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.hub import need, publishing

# The hub stores Pillow's numbers.
_INTERPOLATION = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}


KEYS = {
    *(
        "size",
        "crop_size",
        "crop_pct",
        "do_resize",
        "do_center_crop",
        "do_rescale",
        "rescale_factor",
        "do_normalize",
    ),
    *(
        "image_mean",
        "image_std",
        "resample",
        "do_convert_rgb",
        "image_processor_type",
        "feature_extractor_type",
    ),
}
"""What a ``preprocessor_config.json`` says that decides the model's input, or names its class."""


def transformers_model(name: str) -> tuple[nn.Module, Preprocess]:
    """A pretrained image classifier, with the preprocessing of its ``preprocessor_config.json``."""
    spec = f"hf:{name}"
    transformers = need("transformers", spec)
    from transformers.image_processing_base import ImageProcessingMixin

    with publishing(spec):
        model = transformers.AutoModelForImageClassification.from_pretrained(name)
    try:
        config, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError as error:
        raise InputError(f"model {spec!r} has no preprocessor_config.json: {one_line(error)}") from None
    return model.eval(), preprocess_of(config)


def preprocess_of(config: dict[str, Any]) -> Preprocess:
    """What a ``preprocessor_config.json`` says, in the two spellings of ``size`` that are in use."""
    target = _side(config.get("size"))
    crop = _side(config.get("crop_size")) if config.get("do_center_crop", "crop_size" in config) else target
    resize = target
    if crop and "crop_pct" in config and target:  # ConvNeXt's convention: crop `size` out of size / crop_pct
        resize = int(target / config["crop_pct"])
    normalised = config.get("do_normalize", True)
    return Preprocess(
        resize=resize if config.get("do_resize", True) else None,
        crop=crop,
        mean=tuple(config["image_mean"]) if normalised else None,
        std=tuple(config["image_std"]) if normalised else None,
        scale=255.0 * config.get("rescale_factor", 1 / 255) if config.get("do_rescale", True) else 255.0,
        interpolation=_INTERPOLATION.get(config.get("resample", 2), "bilinear"),
    )


def _side(size: int | dict | None) -> int | None:
    if isinstance(size, dict):
        return size.get("shortest_edge") or min(size["height"], size["width"])
    return size
