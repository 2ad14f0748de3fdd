"""Colours of natural pictures: channels that vary as theirs do, out of channels that are independent."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

# Square root of the covariance of red, green and blue in natural pictures, by principal components: columns
# are components. Mordvintsev et al., "Differentiable image parameterizations" (2018), whose scale is kept.
_COMPONENTS = ((0.26, 0.09, 0.02), (0.27, 0.00, -0.05), (0.27, -0.09, 0.03))


@functools.lru_cache(maxsize=8)
def mixing_of(channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The matrix (C, C) by which independent channels become those of a picture.

    For three channels it is the square root of the colours' covariance, divided by the norm of its largest
    column; for other numbers the identity, since nothing is known of them. In the order of BGR it would be
    the same but for the sign of the second component and a little of the third.
    """
    real = torch.promote_types(dtype, torch.float32)
    if channels != 3:
        return torch.eye(channels, device=device, dtype=real)
    components = torch.tensor(_COMPONENTS, dtype=torch.float64, device="cpu")
    return (components / components.norm(dim=0).max()).to(device, real)
