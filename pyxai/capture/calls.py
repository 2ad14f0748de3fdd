"""Functions that the passes put into graphs beside ATen's operations."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def channel_affine(values: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``values · scale + shift`` in one pass; ``scale`` and ``shift`` have one value per channel."""
    return torch.addcmul(shift, values, scale)


def deviation(variance: Tensor) -> Tensor:
    """The root of ``variance``, whose derivative at 0 is 0, as that of torch's standard deviation is."""
    none = variance == 0
    return variance.masked_fill(none, 1).sqrt().masked_fill(none, 0)


def spatial_mean(values: Tensor, dims: list[int], keepdim: bool) -> Tensor:
    """Mean over ``dims``, whose gradient is a broadcast view of a small tensor.

    Autograd's own gradient of a mean divides after it has expanded, which writes a tensor as large as
    ``values``.
    """
    size = math.prod(values.shape[dim] for dim in dims)
    if values.dtype in (torch.float16, torch.bfloat16):  # their sum may overflow
        return (values.sum(dims, keepdim=keepdim, dtype=torch.float32) / size).to(values.dtype)
    return values.sum(dims, keepdim=keepdim) / size
