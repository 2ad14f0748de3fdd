"""Functions that the passes put into graphs beside ATen's operations."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor


def channel_affine(values: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    """``values · scale + shift`` in one pass; ``scale`` and ``shift`` have one value per channel."""
    return torch.addcmul(shift, values, scale)


def batch_norm(
    values: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor, variance: Tensor, epsilon: float
) -> Tensor:
    """A BatchNorm of (n, C, …) by moments (C,) that the model computes, which no weights can be made of.

    torch's own has wrong gradients for one image, see :mod:`pyxai.capture.mending`.
    """
    scale = (variance + epsilon).rsqrt()
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    column = (-1, *[1] * (values.ndim - 2))
    return channel_affine(values, *(part.to(values.dtype).reshape(column) for part in (scale, shift)))


def instance_norm(values: Tensor, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Tensor:
    """Each channel of each image (n, C, …) by its own moments: a group norm with one group for each channel.

    torch's own is a BatchNorm of one image of n · C channels, with the wrong gradients of that. Group norms
    are fast where the values of a channel lie together, which is how torch's own lays them out, too.
    """
    return torch.group_norm(values.contiguous(), values.shape[1], weight, bias, epsilon)


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


@cache
def result(target: torch._ops.OpOverload, index: int) -> Callable[..., Tensor]:
    """``target``, an operation of several results, as a function that returns the one at ``index``.

    Its derivative is autograd's own: that of ``max`` along an axis goes to one of several equal maxima, where
    ``amax`` shares it out between them. The same function for the same arguments, named as the operation is.
    """

    def one(*arguments, **settings):
        return target(*arguments, **settings)[index]

    one.__name__ = one.__qualname__ = f"{target.overloadpacket.__name__}_{index}"
    one.overloadpacket = target.overloadpacket
    return one
