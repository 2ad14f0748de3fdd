"""Models of timm, torchvision and transformers, with the preprocessing their publishers state.

Each package is imported when a model of it is asked for; its absence is one sentence.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import torch
from torch import nn

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, one_line
from pyxai.engine.models.weights import is_weights_file


def need(module: str, install: str, spec: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise InputError(f"model {spec!r} needs {install}: pip install {install}") from None
        raise InputError(f"model {spec!r}: {install} is installed but cannot be imported: {error}") from None


@contextmanager
def _seeded() -> Iterator[None]:
    """Random weights are the same in every run, and the caller's generator is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _unavailable(spec: str, error: Exception) -> InputError:
    return InputError(f"model {spec!r} is not available: {one_line(error)}")


def timm_model(name: str, weights: str) -> tuple[nn.Module, Preprocess]:
    timm = need("timm", "timm", f"timm:{name}")
    if weights and weights != "none" and not is_weights_file(weights):
        raise InputError(f"model 'timm:{name}': weights are a file or none, got {weights!r}")
    try:
        with _seeded():
            model = timm.create_model(name, pretrained=not weights)
    except Exception as error:  # unknown name, no network, no such tag: all the library's own errors
        raise _unavailable(f"timm:{name}", error) from None
    config = timm.data.resolve_data_config({}, model=model)
    side = config["input_size"][-1]
    preprocess = Preprocess(
        resize=int(side / config["crop_pct"]),
        crop=side,
        mean=config["mean"],
        std=config["std"],
        interpolation=config["interpolation"],
    )
    return model.eval(), preprocess


def torchvision_model(name: str, weights: str) -> tuple[nn.Module, Preprocess]:
    torchvision = need("torchvision", "torchvision", f"torchvision:{name}")
    try:
        builder = torchvision.models.get_model_builder(name)
        choices = torchvision.models.get_model_weights(builder)
        named = not weights or not (is_weights_file(weights) or weights == "none")
        chosen = choices[weights or "DEFAULT"] if named else None
        with _seeded():
            model = builder(weights=chosen)
    except Exception as error:  # unknown name, unknown weights, no network: all the library's own errors
        raise _unavailable(f"torchvision:{name}", error) from None
    transform = (chosen or choices["DEFAULT"]).transforms()
    preprocess = Preprocess(
        resize=transform.resize_size[0],
        crop=transform.crop_size[0],
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        interpolation=transform.interpolation.value,
    )
    return model.eval(), preprocess


# The hub stores Pillow's numbers.
_HF_INTERPOLATION = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}


def transformers_model(name: str) -> tuple[nn.Module, Preprocess]:
    transformers = need("transformers", "transformers", f"hf:{name}")
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        model = transformers.AutoModelForImageClassification.from_pretrained(name)
    except Exception as error:  # unknown name, no network, not a classifier: all the library's own errors
        raise _unavailable(f"hf:{name}", error) from None
    try:
        config, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except OSError as error:
        raise InputError(f"model 'hf:{name}' has no preprocessor_config.json: {one_line(error)}") from None
    return model.eval(), _from_processor(config)


def _from_processor(config: dict[str, Any]) -> Preprocess:
    """The hub's preprocessor_config.json, in the two spellings of ``size`` that are in use."""

    def side(size: int | dict | None) -> int | None:
        if isinstance(size, dict):
            size = size.get("shortest_edge") or min(size["height"], size["width"])
        return size

    target = side(config.get("size"))
    crop = side(config.get("crop_size")) if config.get("do_center_crop", "crop_size" in config) else target
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
        interpolation=_HF_INTERPOLATION.get(config.get("resample", 2), "bilinear"),
    )
