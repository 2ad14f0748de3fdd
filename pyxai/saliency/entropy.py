"""Local entropy: how unpredictable the grey levels about a pixel are."""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor

from pyxai import ops
from pyxai.checks import expect, positive, whole
from pyxai.ops.local_entropy import LARGEST
from pyxai.saliency.face import classical
from pyxai.saliency.planes import grey


@classical()
def entropy(
    images: Tensor,
    radius: int = 4,
    window: Literal["box", "disk"] = "box",
    base: float = 2.0,
    channels: Literal["grey", "mean"] = "grey",
) -> Tensor:
    """H(x) = -Σ p log p of the 256-level histogram in a window about x (slides).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1]; a pixel has the level round(255 x).
        radius: The radius of the window in pixels, 1 to 127. The window is cut at the border.
        window: The shape of the window: ``box`` has 2 radius + 1 pixels a side, ``disk`` is round.
        base: The base of the logarithm; 2 gives bits.
        channels: ``grey`` takes the entropy of the luma, ``mean`` the mean of the channels' entropies.

    Returns (N, H, W), in bits for base 2, computed from counts without any dependence on their order.
    """
    whole("radius", radius, 1)
    expect(radius <= LARGEST, "radius", f"be at most {LARGEST}", radius)
    positive("base", base)
    expect(base != 1, "base", "differ from 1", base)
    planes = grey(images)[:, None] if channels == "grey" else images
    maps = ops.local_entropy(planes.flatten(0, 1), radius, window == "disk")
    return maps.view(planes.shape).mean(1) / math.log2(base)
