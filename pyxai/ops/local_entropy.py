"""Entropy of the grey levels about each pixel, from a histogram that slides along the rows."""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["local_entropy"]

SCHEMA = "local_entropy(Tensor images, int radius, bool disk) -> Tensor"

LEVELS = 256
UNIT = 2.0**32  # of the fixed point sums of c log2 c: whole numbers, so no order of summation matters
LARGEST = 127  # radius; counts fit 16 bits


def reaches(radius: int, disk: bool) -> list[int]:
    """How far the window extends to either side in each of its rows."""
    rows = range(-radius, radius + 1)
    return [math.isqrt(radius * radius - row * row) if disk else radius for row in rows]


@functools.cache
def _terms(most: int) -> Tensor:
    """c log2 c for counts up to ``most`` in units, whole numbers, by the C library's logarithm as in C++."""
    terms = [round(count * math.log2(count) * UNIT) if count else 0 for count in range(most + 1)]
    return torch.tensor(terms, dtype=torch.float64, device="cpu")


def _reference(images: Tensor, radius: int, disk: bool) -> Tensor:
    out = torch.empty_like(images, memory_format=torch.contiguous_format)
    if out.numel() == 0:
        return out
    sums = _rows.accumulate_dtype(images.dtype)
    levels = (images.double() * (LEVELS - 1) + 0.5).floor().clamp(0, LEVELS - 1)
    window = torch.zeros(2 * radius + 1, 2 * radius + 1, dtype=torch.float64, device=images.device)
    for row, reach in zip(window, reaches(radius, disk), strict=True):
        row[radius - reach : radius + reach + 1] = 1

    def count(planes: Tensor) -> Tensor:
        return F.conv2d(planes[:, None].double(), window[None, None], padding=radius)[:, 0].round()

    terms = _terms((2 * radius + 1) ** 2).to(images.device)
    total = torch.zeros_like(levels)
    for level in levels.unique().tolist():
        total += terms[count(levels == level).long()]
    size = count(torch.ones_like(levels))
    return out.copy_(((terms[size.long()] - total) / (UNIT * size)).to(sums))


def _fake(images: Tensor, radius: int, disk: bool) -> Tensor:
    return torch.empty_like(images, memory_format=torch.contiguous_format)


def _samples(device, dtype, rows, shape):
    height, width = (shape[0], shape[-1]) if len(shape) > 1 else (1, shape[0])
    images = torch.rand(rows, height, width, device=device, dtype=dtype)
    for radius, disk in ((1, False), (3, True)):
        yield images, radius, disk
        yield (images * 4).round() / 4, radius, disk


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def local_entropy(images: Tensor, radius: int, disk: bool) -> Tensor:
    """Entropy in bits of the histogram of 256 levels in a window about each pixel, cut at the border.

    H = log2 n - (1/n) Σ c log2 c over the counts c of the n pixels in the window. The sum is kept in whole
    multiples of 2^-32, so that a pixel's value depends on the counts alone.

    Args:
        images: (N, H, W) floating in [0, 1]; a pixel x has the level round(255 x).
        radius: 0 to 127. The window has 2 radius + 1 rows.
        disk: False: a square. True: pixels no farther than ``radius``.

    Returns (N, H, W) in the dtype of ``images``.
    """
    op = "local_entropy"
    _rows.check_dimensions(op, "images", images, 3, "(N, H, W)")
    if not 0 <= radius <= LARGEST:
        raise ValueError(f"{op}: `radius` must lie in [0, {LARGEST}], got {radius}")
    return _op(images, radius, disk)
