"""Logarithm, exponential, square root and powers of two with the bits of the kernels."""

import torch
from torch import Tensor

# Integer type, bits of the fraction, exponent's bias, terms of the two series, bits of √½, log 2 in two parts
# of which the first has zeros to spare, and what leaves the nearest integer when added.
_LAYOUT = {
    torch.float32: (torch.int32, 23, 127, 5, 7, 0x3F3504F3, 0.693145751953125, 1.42860677e-06, 12582912.0),
    torch.float64: (
        torch.int64, 52, 1023, 9, 13, 0x3FE6A09E667F3BCD,
        0.693147180369123816490, 1.90821492927058770002e-10, 6755399441055744.0,
    ),
}  # fmt: skip


def log_of(x: Tensor) -> Tensor:
    """log x of normal numbers above zero, float32 or float64."""
    bits, fraction, _, terms, _, root_half, high, low, _ = _LAYOUT[x.dtype]
    exponent = (x.view(bits) - root_half) >> fraction
    mantissa = (x.view(bits) - (exponent << fraction)).view(x.dtype)
    s = (mantissa - 1) / (mantissa + 1)
    square = s * s
    series = torch.zeros_like(x)
    for k in range(terms, 0, -1):
        series = series * square + 1 / (2 * k + 1)
    e = exponent.to(x.dtype)
    return e * high + (2 * s + (2 * s * (square * series) + e * low))


def exp_of(x: Tensor) -> Tensor:
    """exp x where neither x nor the result leaves the normal numbers, float32 or float64."""
    bits, fraction, bias, _, terms, _, high, low, nearest = _LAYOUT[x.dtype]
    shifted = x * 1.4426950408889634 + nearest
    n = shifted - nearest
    r = (x - n * high) - n * low
    series = torch.ones_like(x)
    for k in range(terms, 0, -1):
        series = 1 + series * r * (1 / k)
    return series * ((shifted.view(bits) + bias) << fraction).view(x.dtype)


def power_of_two(x: Tensor) -> Tensor:
    """The power of two at or below x ≥ 0, within the bounds of csrc/common/powers.h."""
    least = torch.finfo(x.dtype).tiny
    usual = x.clamp(least, 1 / least).nan_to_num(1 / least)
    mantissa, _ = torch.frexp(usual)
    return usual / (2 * mantissa)


def root_of(x: Tensor) -> Tensor:
    """Square root, rounded to the nearest in float32 as processors do; torch's own is an ulp off at times."""
    return x.double().sqrt().to(x.dtype)
