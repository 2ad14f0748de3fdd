"""The gradient of a convolution by an image of few channels.

A transposed convolution that gives three channels leaves most of a vector unit idle. Computed for blocks of
pixels at once it is an ordinary convolution with as many times the channels, whose blocks are then laid out:
the same sums, two to six times faster for the first layer of common networks.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

FEW_CHANNELS = 8


def narrow_convolution(
    values: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    kernel: Tensor,
    first: int,
    stride: int,
    padding: int,
) -> Tensor:
    """``conv2d(values, weight, bias, stride, padding)``, differentiated through :func:`transposed`.

    ``kernel`` and ``first`` come from :func:`block_kernel`. Gradients flow to ``values`` only.
    """
    return _NarrowConvolution.apply(values, weight, bias, kernel, first, stride, padding)


class _NarrowConvolution(torch.autograd.Function):
    @staticmethod
    def forward(context, values, weight, bias, kernel, first, stride, padding):
        context.save_for_backward(kernel)
        context.settings = first, stride, values.shape[2:]
        return F.conv2d(values, weight, bias, stride, padding)

    @staticmethod
    def backward(context, gradient):
        (kernel,) = context.saved_tensors
        return transposed(gradient, kernel, *context.settings), None, None, None, None, None, None


def suits(weight: Tensor, stride, padding, dilation, groups: int) -> bool:
    """Whether :func:`transposed` serves a convolution: plain and square, few channels, float32 on the CPU."""
    if weight.device.type != "cpu" or weight.dtype != torch.float32 or isinstance(padding, str):
        return False
    square = weight.shape[2] == weight.shape[3] and len({*stride}) == len({*padding}) == 1
    plain = square and groups == 1 and {*dilation} == {1}
    return plain and weight.shape[1] <= FEW_CHANNELS and stride[0] <= weight.shape[2]


def block_kernel(weight: Tensor, stride: int, padding: int) -> tuple[Tensor, int]:
    """What :func:`transposed` needs of a convolution with square weights (O, C, k, k).

    With blocks of B = max(2, stride) pixels, output pixel B·a + r of one axis sums weight[u] · gradient[i]
    over i·stride = B·a + r + padding - u, that is over i = (B / stride)·a + d with d = (r + padding - u) /
    stride.

    Returns:
        the weights by offset d, (B·B·C, O, taps, taps) with rows, columns and channels in that order, and the
        smallest d.
    """
    outputs, channels, size, _ = weight.shape
    block = max(2, stride)
    pairs = [
        (r, u, (r + padding - u) // stride)
        for r in range(block)
        for u in range(size)
        if (r + padding - u) % stride == 0
    ]
    first, last = min(d for _, _, d in pairs), max(d for _, _, d in pairs)
    taps = last - first + 1
    kernel = weight.new_zeros(block, block, channels, outputs, taps, taps)
    for r, u, d in pairs:
        for across, v, e in pairs:
            kernel[r, across, :, :, d - first, e - first] = weight[:, :, u, v].T
    kernel = kernel.reshape(channels * block**2, outputs, taps, taps)
    return kernel.contiguous(memory_format=torch.channels_last), first


def transposed(gradient: Tensor, kernel: Tensor, first: int, stride: int, size: tuple[int, int]) -> Tensor:
    """Transpose of the convolution: ``gradient`` (N, O, …) to (N, C, *size) by blocks."""
    block, taps = max(2, stride), kernel.shape[-1]
    step = block // stride
    blocks = [math.ceil(length / block) for length in size]
    missing = [
        (count - 1) * step + first + taps - have
        for count, have in zip(blocks, gradient.shape[2:], strict=True)
    ]
    margin = max(-first, *missing, 0)
    margin += (margin + first) % step
    skip = (margin + first) // step
    rows, columns = (slice(skip, skip + count) for count in blocks)
    pixels = _unfold_blocks(F.conv2d(gradient, kernel, None, step, margin)[:, :, rows, columns], block)
    return pixels[:, :, : size[0], : size[1]]


def _unfold_blocks(values: Tensor, block: int) -> Tensor:
    """``values`` (N, B·B·C, rows, columns) as (N, C, B·rows, B·columns).

    Both are channels last, so that runs of B·C numbers stay together: four times faster than a pixel shuffle.
    """
    count, _, rows, columns = values.shape
    lines = values.permute(0, 2, 3, 1).reshape(count, rows, columns, block, -1).transpose(2, 3)
    return lines.reshape(count, rows * block, columns * block, -1).permute(0, 3, 1, 2)
