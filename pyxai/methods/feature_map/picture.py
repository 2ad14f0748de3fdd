"""What becomes of a map that has the size of a layer."""

from __future__ import annotations

from typing import Literal

import torch.nn.functional as F
from torch import Tensor

from pyxai.methods.method import Method
from pyxai.ops import normalize_map

_LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}


class Picture(Method):
    """How a map of the places of a layer is given back.

    Attributes:
        relu: Whether negative values become zero.
        normalize: ``min_max`` brings each map to [0, 1] by its least and its greatest value, ``max`` divides
            it by its greatest where that is positive, ``none`` leaves it. A constant map has no extent and
            becomes zero by ``min_max``.
        upsample: Whether the map gets the size of the image, by linear interpolation in each direction
            between the centres of the layer's places. Else it keeps the size of the layer.
    """

    per_channel = False
    volumes = True

    relu: bool = True
    normalize: Literal["none", "min_max", "max"] = "none"
    upsample: bool = True

    def finish(self, maps: Tensor, size: tuple[int, ...]) -> Tensor:
        """Maps (n, h, w) of a layer, rectified, normalised and brought to the ``size`` of the image."""
        maps = self.scaled(maps)
        return enlarged(maps[:, None], size)[:, 0] if self.upsample else maps

    def scaled(self, maps: Tensor) -> Tensor:
        """Maps (n, …), rectified and normalised."""
        return normalized(maps, self.normalize, self.relu)


def normalized(maps: Tensor, how: Literal["none", "min_max", "max"], relu: bool = False) -> Tensor:
    """Maps (n, …), each rectified if wanted and scaled by itself; see :class:`Picture`."""
    return normalize_map(maps.flatten(1), relu, how).view_as(maps)


def enlarged(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    """Maps (n, C, …) interpolated linearly to ``size``, between the centres of the places."""
    return F.interpolate(maps, tuple(size), mode=_LINEAR[len(size)], align_corners=False)
