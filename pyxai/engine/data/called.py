"""Preprocessing that is a function: a picture in, the model's input out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError, RowError, one_line
from pyxai.engine.status import NOT_FINITE, UNREADABLE

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Called:
    """A function of an upright 8-bit PIL picture, such as torchvision's ``Compose`` and presets, timm's
    transforms, and transformers' image processors. It decides everything: size, crop, order of channels,
    normalisation.

    Attributes:
        function: gives the model's input of one picture, floats (C, H, W): a tensor, an array, or a mapping
            with ``pixel_values``, also with a batch of one.
        name: of it, for messages and manifests.
        channels: "RGB" or "L", of the pictures it is given.
    """

    function: Callable[[Image.Image], Any]
    name: str
    channels: str = "RGB"

    range = None
    stacked = False

    def __post_init__(self):
        if self.channels not in ("RGB", "L"):
            raise ValueError(f"preprocess: a function is given 'RGB' or 'L' pictures, not {self.channels!r}")

    def changed(self, changes: Mapping[str, Any]) -> Called:
        """With other ``channels``; an :class:`InputError` where anything else is to change."""
        if others := sorted(set(changes) - {"channels"}):
            options = ", ".join(f"--{name}" for name in others)
            raise InputError(
                f"the preprocessing of {self.name} is a function, which {options} cannot change: leave them "
                "out, or return settings in place of the function"
            )
        return Called(self.function, self.name, **changes)

    @property
    def mode(self) -> str:
        """The Pillow mode of the pictures it is given."""
        return self.channels

    def picture(self, image: Image.Image) -> np.ndarray:
        """The model's input of a picture: float32 (C, H, W)."""
        try:
            values = self.function(image)
        except Exception as error:  # the user's own code may raise anything
            kind = type(error).__name__
            raise RowError(UNREADABLE, f"its preprocessing raised {kind}: {one_line(error)}") from None
        if isinstance(values, Mapping):
            values = values.get("pixel_values")
        if isinstance(values, list | tuple) and len(values) == 1:
            values = values[0]
        found = type(values).__name__
        if hasattr(values, "detach"):
            values = values.detach().cpu().numpy()
        if isinstance(values, np.ndarray):
            values = values[0] if values.ndim == 4 and len(values) == 1 else values
            if values.ndim == 3 and values.size and values.dtype.kind == "f":
                if not np.isfinite(values).all():
                    raise RowError(NOT_FINITE, "its preprocessing gave NaN or infinity")
                return np.ascontiguousarray(values, dtype=np.float32)
            found = f"{values.dtype} of shape {values.shape}"
        raise RowError(UNREADABLE, f"its preprocessing must give floats of shape (C, H, W), got {found}")

    def array(self, pixels: np.ndarray) -> np.ndarray:
        """The model's input of (C, H, W) pixels, uint8."""
        if pixels.dtype != np.uint8 or len(pixels) not in (1, 3):
            kind = f"{pixels.dtype} of {len(pixels)} channels"
            raise RowError(UNREADABLE, f"its preprocessing is a function of 8-bit pictures, got {kind}")
        image = Image.fromarray(pixels[0] if len(pixels) == 1 else pixels.transpose(1, 2, 0))
        return self.picture(image if image.mode == self.mode else image.convert(self.mode))

    def normalise(self, pixels: Tensor) -> Tensor:
        """Values as they are: they went through the function."""
        return pixels


Preprocessing = Preprocess | Called
"""How pictures become a model's input: settings, or a function."""
