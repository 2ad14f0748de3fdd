"""From a decoded picture to the model's input: resize, crop, channel order, scale, mean, std."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pyxai.engine.data.upright import upright
from pyxai.engine.errors import RowError
from pyxai.engine.status import WRONG_SIZE

if TYPE_CHECKING:
    from torch import Tensor

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes the model's input: resize, centre crop, ``(scale * pixels - mean) / std``.

    ``preprocess(picture)`` is that input; :func:`pyxai.load_images` reads several.

    Attributes:
        resize: length of the short side in pixels, antialiased (the long side follows, rounded down), or None
            to keep the size.
        crop: side of the centre square in pixels, or None to keep all.
        mean, std: one value for every channel or one per channel, in the order of ``channels`` and in the
            units after ``scale``; None for 0 and 1.
        channels: "RGB", "BGR" or "L" (one grey channel); or a number of channels, which are taken as they are
            stored.
        scale: multiplies pixels, which lie in [0, 1] (255 for models trained on 0..255).
        interpolation: "bilinear", "bicubic", "lanczos" or "nearest".
        range: (low, high), the samples that stand for 0 and 1 where they are floats or have more than 8 bits;
            None for what the file says, else all values of 16 bits, and [0, 1] of floats.
    """

    resize: int | None = None
    crop: int | None = None
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    channels: str | int = "RGB"
    scale: float = 1.0
    interpolation: str = "bilinear"
    range: tuple[float, float] | None = None

    def __post_init__(self):
        for name in ("resize", "crop"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int) or value < 1):
                raise ValueError(f"preprocess: `{name}` must be a positive number of pixels, got {value!r}")
        if self.channels in (1, 3) and not isinstance(self.channels, bool):
            object.__setattr__(self, "channels", "L" if self.channels == 1 else "RGB")
        number = isinstance(self.channels, int) and not isinstance(self.channels, bool) and self.channels > 0
        if not number and self.channels not in ("RGB", "BGR", "L"):
            raise ValueError(
                f"preprocess: `channels` must be 'RGB', 'BGR', 'L' or a number, got {self.channels!r}"
            )
        if self.interpolation not in _FILTERS:
            raise ValueError(f"preprocess: `interpolation` must be one of {', '.join(_FILTERS)}")
        for name in ("mean", "std"):
            value = getattr(self, name)
            if value is None:
                continue
            value = (value,) if isinstance(value, int | float) else value
            object.__setattr__(self, name, tuple(float(v) for v in value))
            if len(value) not in (1, self.count):
                raise ValueError(f"preprocess: `{name}` must have 1 or {self.count} values, got {len(value)}")
        if self.std is not None and min(self.std) <= 0:
            raise ValueError(f"preprocess: `std` must be positive, got {self.std}")
        if self.mean is not None and max(self.mean) > self.scale:
            warnings.warn(
                f"preprocess: `mean` {self.mean} lies beyond pixels, which go from 0 to {self.scale:g}: "
                "divide mean and std by 255, or give scale=255, where they are of pixels from 0 to 255",
                stacklevel=3,
            )
        if self.range is not None:
            object.__setattr__(self, "range", tuple(map(float, self.range)))
            finite = all(abs(end) < float("inf") for end in self.range)
            if len(self.range) != 2 or not finite or not self.range[0] < self.range[1]:
                raise ValueError(f"preprocess: `range` must be a low and a high number, got {self.range}")

    def changed(self, changes: Mapping[str, Any]) -> Preprocess:
        """With other values of some fields, by name."""
        return dataclasses.replace(self, **changes)

    @property
    def black(self) -> tuple[float, ...]:
        """A black pixel in the model's input space, one value for each channel."""
        return self._pixel(0.0)

    @property
    def white(self) -> tuple[float, ...]:
        """A white pixel in the model's input space, one value for each channel."""
        return self._pixel(self.scale)

    def _pixel(self, value: float) -> tuple[float, ...]:
        count = self.count
        mean, std = (v * count if len(v) == 1 else v for v in (self.mean or (0.0,), self.std or (1.0,)))
        return tuple((value - m) / s for m, s in zip(mean, std, strict=True))

    def as_json(self) -> dict[str, Any]:
        """The fields; ``range``, which older stores lack, where there is one."""
        fields = dataclasses.asdict(self)
        if self.range is None:
            del fields["range"]
        return {key: list(v) if isinstance(v, tuple) else v for key, v in fields.items()}

    @property
    def count(self) -> int:
        """How many channels the model's input has."""
        return self.channels if isinstance(self.channels, int) else len(self.channels)

    @property
    def stacked(self) -> bool:
        """Whether channels are taken as they are stored, and are no colours."""
        return isinstance(self.channels, int)

    def __call__(self, picture: Image.Image | np.ndarray | str | os.PathLike) -> Tensor:
        """One picture as the model's input, float32 (C, H, W).

        Args:
            picture: one of Pillow's; the path of a file; or an array (H, W, 3) or (H, W), uint8 in 0..255 or
                floats in [0, 1]; where ``channels`` is a number, (H, W, C).

        Raises:
            ValueError: an array of another kind, or a picture smaller than the ``crop``.
            OSError: a file that cannot be read as a picture.
        """
        import torch

        if isinstance(picture, str | os.PathLike):
            with Image.open(picture) as opened:
                return self(opened)
        try:
            pixels = self._read(picture)
        except RowError as error:
            raise ValueError(f"preprocess: {error.reason}") from None
        return self.normalise(torch.tensor(pixels)[None])[0]

    def _read(self, picture: Image.Image | np.ndarray) -> np.ndarray:
        if isinstance(picture, Image.Image) and not self.stacked:
            return self.picture(upright(picture, self.mode))
        kind = picture.dtype if isinstance(picture, np.ndarray) else type(picture).__name__
        shape = getattr(picture, "shape", ())
        fits = len(shape) == 2 or shape[2:] in ((1,), (3,), (self.count,))
        if not fits or not (kind == np.uint8 or np.issubdtype(kind, np.floating)):
            form = f"array (H, W, {self.count})"
            wanted = (
                f"be a uint8 or float {form}"
                if self.stacked
                else (f"be a picture, its path, or a uint8 or float {form} or (H, W)")
            )
            raise ValueError(f"preprocess: `picture` must {wanted}, got {kind} of shape {tuple(shape)}")
        if kind == np.uint8 and not self.stacked:
            return self._read(Image.fromarray(picture[..., 0] if shape[2:] == (1,) else picture))
        planes = picture[None] if len(shape) == 2 else picture.transpose(2, 0, 1)
        if len(planes) != self.count:
            raise ValueError(f"preprocess: `picture` must have {self.count} channels, got {len(planes)}")
        return self.array(planes if kind == np.uint8 else planes.astype(np.float32))

    @property
    def mode(self) -> str:
        """The Pillow mode pictures are decoded to."""
        return "L" if self.channels == "L" else "RGB"

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Size after ``resize``."""
        if self.resize is None:
            return height, width
        if height <= width:
            return self.resize, int(self.resize * width / height)
        return int(self.resize * height / width), self.resize

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Size after ``resize`` and ``crop``."""
        return (self.crop, self.crop) if self.crop else self.resized(height, width)

    def picture(self, image: Image.Image) -> np.ndarray:
        """Resize and crop a decoded picture: uint8 (C, H, W), channels still in the order of RGB."""
        height, width = self.resized(image.height, image.width)
        if (height, width) != (image.height, image.width):
            image = image.resize((width, height), _FILTERS[self.interpolation])
        pixels = np.asarray(image)
        return self._cropped(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))

    def array(self, pixels: np.ndarray) -> np.ndarray:
        """Resize and crop (C, H, W) pixels, uint8 or float32, channel by channel; the dtype is kept."""
        height, width = self.resized(*pixels.shape[1:])
        if (height, width) != pixels.shape[1:]:
            planes = [Image.fromarray(np.ascontiguousarray(plane)) for plane in pixels]
            planes = [plane.resize((width, height), _FILTERS[self.interpolation]) for plane in planes]
            pixels = np.stack([np.asarray(plane) for plane in planes])
        return self._cropped(pixels)

    def _cropped(self, pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[1:]
        if self.crop is not None:
            if min(height, width) < self.crop:
                raise RowError(WRONG_SIZE, f"{height}x{width} pixels, the crop is {self.crop}: use --resize")
            top, left = round((height - self.crop) / 2), round((width - self.crop) / 2)
            pixels = pixels[:, top : top + self.crop, left : left + self.crop]
        return np.ascontiguousarray(pixels)

    def normalise(self, pixels: Tensor) -> Tensor:
        """(N, C, H, W) or (N, C, T, H, W), uint8 in 0..255 or float in [0, 1], to the model's input, float32,
        same device.
        """
        import torch

        integers = pixels.dtype == torch.uint8
        pixels = pixels.to(torch.float32, copy=True)  # which is then written over
        if self.channels == "BGR":
            pixels = pixels.flip(1)
        if integers:
            pixels /= 255 / self.scale  # one rounding; exact where the scale is 255
        elif self.scale != 1:
            pixels *= self.scale
        channel = (1, -1, *[1] * (pixels.ndim - 2))
        if self.mean is not None:
            pixels -= pixels.new_tensor(self.mean).view(channel)
        if self.std is not None:
            pixels /= pixels.new_tensor(self.std).view(channel)
        return pixels
