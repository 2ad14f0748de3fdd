"""Standard normal numbers, a function of (seed, id, draw, element) alone."""

import torch
from torch import Tensor

from pyxai.ops._define import define
from pyxai.ops._noise import checked_noise, derive_seed, fake_noise, noise_of, noise_samples

__all__ = ["derive_seed", "normal_noise"]

SCHEMA = "normal_noise(Tensor ids, Tensor draws, int seed, SymInt[] shape, ScalarType dtype) -> Tensor"

# Fitted by tools/fit_normal.py; the same numbers stand in csrc/kernels/normal_noise.h.
_LOGARITHM = (1.4426965, -0.7213636, 0.48062673, -0.3593715, 0.29569983, -0.26932186, 0.1716255)
_NUMERATOR = (1.2533141, 0.31013167, 0.04371729, 0.0041695526, 0.0002625919, 9.483682e-06, 2.117086e-08)
_DENOMINATOR = (1.0, 0.06598358, 0.01664694, 0.0007695808, 5.731652e-05, 5.974807e-07)


def normal_of(words: Tensor) -> Tensor:
    """The inverse normal distribution function of (word + 1/2) / 2^32, float32.

    With q the smaller tail probability and x = 1 - 2q: z = x N(w) / D(w), w = -log2(1 - x²). q and x are
    formed from integers, so each is accurate where it is small.
    """
    upper = words >> 31 != 0
    m = torch.where(upper, words ^ 0xFFFFFFFF, words)
    a = (m.to(torch.float32) + 0.5) * 2.0**-31  # 2q
    x = ((m ^ 0x7FFFFFFF).to(torch.float32) + 0.5) * 2.0**-31
    bits = (a * (2.0 - a)).view(torch.int32)
    exponent = (bits - 0x3F3504F3) >> 23  # of the mantissa in [√½, √2)
    f = (bits - (exponent << 23)).view(torch.float32) - 1.0
    w = -(exponent.to(torch.float32) + _polynomial(_LOGARITHM, f) * f)
    z = x * (_polynomial(_NUMERATOR, w) / _polynomial(_DENOMINATOR, w))
    return torch.where(upper, z, -z)


def _polynomial(coefficients: tuple[float, ...], t: Tensor) -> Tensor:
    """Horner's scheme in float32, one rounding per operation."""
    value = torch.full_like(t, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        value = value * t + coefficient
    return value


def _reference(ids: Tensor, draws: Tensor, seed: int, shape: list[int], dtype: torch.dtype) -> Tensor:
    return noise_of(normal_of, ids, draws, seed, shape, dtype)


_op = define(SCHEMA, reference=_reference, fake=fake_noise, samples=noise_samples)


def normal_noise(
    ids: Tensor, draws: Tensor, seed: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Standard normal numbers, (R, *shape), a function of (seed, id, draw, element) alone.

    Args:
        ids: (R,) int64, which sample a row belongs to. Its device is the result's.
        draws: (R,) int64 in [0, 2^32), which draw of that sample.
        seed: any 64-bit integer, signed or not.
        shape: the row's shape, at most 2^34 elements.
        dtype: float32 (how the numbers are defined) or another floating type they are rounded to.

    The relative error of the inverse distribution function is at most 5e-7 and |z| at most 6.34.
    """
    return _op(*checked_noise("normal_noise", ids, draws, seed, shape, dtype))
