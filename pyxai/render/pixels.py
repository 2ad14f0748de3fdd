"""A model's input as a picture again: its normalisation taken back, its channels in the order of RGB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image


@dataclass(frozen=True)
class Space:
    """What pixels in [0, 1] were turned into: ``(scale * pixels - mean) / std``, perhaps in another order.

    Attributes:
        mean, std: one value, or one for each channel.
        scale: what pixels were multiplied with before.
        reversed: whether channels are in the order of BGR.
    """

    mean: np.ndarray
    std: np.ndarray
    scale: float = 1.0
    reversed: bool = False

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """(C, H, W) or (C, T, H, W) as the model gets it to the same in [0, 1], in the order of RGB."""
        mean, std = (value.reshape(-1, *[1] * (image.ndim - 1)) for value in (self.mean, self.std))
        image = (image * std + mean) / self.scale
        return (image[::-1] if self.reversed else image).clip(0, 1)


def space_of(preprocess: Any) -> Space:
    """What ``preprocess`` says of the model's input.

    Args:
        preprocess: a ``pyxai.Preprocess``; a preset or a composition of transforms, of torchvision or timm,
            of which the last that has ``mean`` and ``std`` counts; an image processor of transformers; or a
            mapping with ``mean`` and ``std``, as timm's data configuration.

    Raises:
        ValueError: it says nothing.
    """
    steps = getattr(preprocess, "transforms", preprocess)
    if isinstance(steps, Iterable) and not isinstance(steps, str | Mapping):
        normalising = [step for step in steps if hasattr(step, "mean") and hasattr(step, "std")]
        return space_of(normalising[-1]) if normalising else Space(np.zeros(1), np.ones(1))
    if _says(preprocess, "image_mean"):  # transformers
        scaled, normalised = (_value(preprocess, name, True) for name in ("do_rescale", "do_normalize"))
        return Space(
            np.asarray(preprocess.image_mean if normalised else 0.0, np.float64),
            np.asarray(preprocess.image_std if normalised else 1.0, np.float64),
            255 * _value(preprocess, "rescale_factor", 1 / 255) if scaled else 255.0,
            bool(_value(preprocess, "do_flip_channel_order", False)),
        )
    if not (_says(preprocess, "mean") and _says(preprocess, "std")):
        wanted = "say the `mean` and `std` of the model's input, as a pyxai.Preprocess does"
        raise ValueError(f"`preprocess` must {wanted}, got {type(preprocess).__name__}")
    return Space(
        np.asarray(_value(preprocess, "mean", 0.0), np.float64),
        np.asarray(_value(preprocess, "std", 1.0), np.float64),
        float(_value(preprocess, "scale", 1.0)),
        _value(preprocess, "channels", "RGB") == "BGR",
    )


def picture_space(preprocess: Any) -> Space:
    """That of pictures in [0, 1] that were made for a model, with channels in the order of its input.

    Args:
        preprocess: as for :func:`space_of`.
    """
    return Space(np.zeros(1), np.ones(1), reversed=space_of(preprocess).reversed)


def _says(preprocess: Any, name: str) -> bool:
    return name in preprocess if isinstance(preprocess, Mapping) else hasattr(preprocess, name)


def _value(preprocess: Any, name: str, default: Any) -> Any:
    found = preprocess.get(name) if isinstance(preprocess, Mapping) else getattr(preprocess, name, None)
    return default if found is None else found


def pixels_of(image: Any, space: Space | None = None) -> np.ndarray:
    """An image as uint8 (H, W, 3), a clip as (T, H, W, 3).

    Args:
        image: a model's input, a tensor (C, H, W) or (C, T, H, W); or a picture as it is: one of Pillow's, or
            a uint8 array (H, W, 3), (H, W, 1) or (H, W).
        space: of a model's input. Without it, values in [0, 1] are shown as they are, others stretched from
            the least to the largest.
    """
    if isinstance(image, Image.Image):
        return np.asarray(image.convert("RGB"))
    if isinstance(image, np.ndarray):
        if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (1,), (3,)):
            wanted = "hold tensors (C, H, W), uint8 arrays (H, W, 3) or Pillow's pictures"
            raise ValueError(f"`images` must {wanted}, got {image.dtype} of shape {image.shape}")
        return np.array(
            Image.fromarray(image.squeeze(2) if image.shape[2:] == (1,) else image).convert("RGB")
        )
    values = np.asarray(image.detach().double().cpu())
    values = space.pixels(values) if space else _unit(values)
    values = values if len(values) == 3 else np.repeat(values[:1], 3, axis=0)
    return np.moveaxis(np.round(255 * values).astype(np.uint8), 0, -1)


def _unit(image: np.ndarray) -> np.ndarray:
    low, high = image.min(), image.max()
    if low >= 0 and high <= 1:
        return image
    return (image - low) / (high - low) if high > low else np.zeros_like(image)
