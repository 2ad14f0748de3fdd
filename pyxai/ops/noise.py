"""Counter-based noise: the same numbers for the same (seed, id, draw, element), wherever they are made.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), keyed by the 64-bit seed.
The counter of elements 4k … 4k+3 is (k, draw, id); its four words serve them in logical (contiguous) order.
Values are float32 by definition and computed without libm, so they are bitwise equal on every device, thread
count and vector width.
"""

import functools
import hashlib
import math

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["derive_seed", "normal_noise", "uniform_noise"]

SCHEMA = "{}_noise(Tensor ids, Tensor draws, int seed, SymInt[] shape, ScalarType dtype) -> Tensor"

_LOW = 0xFFFFFFFF


def philox(counter: list[Tensor], seed: int) -> list[Tensor]:
    """Ten rounds of Philox4x32 over four int64 tensors of 32-bit words. Products wrap, which is enough."""
    c0, c1, c2, c3 = counter
    k0, k1 = seed & _LOW, seed >> 32 & _LOW
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = p1 >> 32 & _LOW ^ c1 ^ k0, p1 & _LOW, p0 >> 32 & _LOW ^ c3 ^ k1, p0 & _LOW
        k0, k1 = k0 + 0x9E3779B9 & _LOW, k1 + 0xBB67AE85 & _LOW
    return [c0, c1, c2, c3]


def _words(ids: Tensor, draws: Tensor, seed: int, size: int) -> Tensor:
    """(R, size) int64, the 32-bit words of every element."""
    block = torch.arange((size + 3) // 4, device=ids.device)
    counter = [block, draws[:, None] & _LOW, ids[:, None] & _LOW, ids[:, None] >> 32 & _LOW]
    words = philox([word.expand(len(ids), len(block)) for word in counter], seed)
    return torch.stack(words, dim=-1).flatten(1)[:, :size]


def uniform_of(words: Tensor) -> Tensor:
    """The odd multiples of 2^-24 in (0, 1), float32."""
    return (words >> 8 | 1).to(torch.float32) * 2.0**-24


# Fitted by tools/fit_normal.py; the same numbers stand in csrc/kernels/noise.h.
_LOGARITHM = (1.4426965, -0.7213636, 0.48062673, -0.3593715, 0.29569983, -0.26932186, 0.1716255)
_NUMERATOR = (1.2533141, 0.31013167, 0.04371729, 0.0041695526, 0.0002625919, 9.483682e-06, 2.117086e-08)
_DENOMINATOR = (1.0, 0.06598358, 0.01664694, 0.0007695808, 5.731652e-05, 5.974807e-07)


def normal_of(words: Tensor) -> Tensor:
    """The inverse normal distribution function of (word + 1/2) / 2^32, float32.

    With q the smaller tail probability and x = 1 - 2q: z = x N(w) / D(w), w = -log2(1 - x²). q and x are
    formed from integers, so each is accurate where it is small.
    """
    upper = words >> 31 != 0
    m = torch.where(upper, words ^ _LOW, words)
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
        value = value * t + torch.tensor(coefficient, dtype=torch.float32)
    return value


def _reference(of, ids: Tensor, draws: Tensor, seed: int, shape: list[int], dtype: torch.dtype) -> Tensor:
    words = _words(ids, draws, seed, torch.Size(shape).numel())
    return of(words).to(dtype).reshape(len(ids), *shape)


def _fake(ids: Tensor, draws: Tensor, seed: int, shape: list[int], dtype: torch.dtype) -> Tensor:
    return ids.new_empty((ids.shape[0], *shape), dtype=dtype)


def _samples(device, dtype, rows, shape):
    ids = torch.arange(rows, device=device) * 0x123456789AB
    yield ids, torch.arange(rows, device=device) % 4, 0x0123456789ABCDEF, shape, dtype
    yield -ids, torch.full_like(ids, _LOW), -1, shape, dtype


def _define(name: str, of):
    reference = functools.partial(_reference, of)
    return define(SCHEMA.format(name), reference=reference, fake=_fake, samples=_samples)


_normal, _uniform = _define("normal", normal_of), _define("uniform", uniform_of)


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
    return _normal(*_checked("normal_noise", ids, draws, seed, shape, dtype))


def uniform_noise(
    ids: Tensor, draws: Tensor, seed: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Uniform numbers in the open interval (0, 1), (R, *shape); arguments as for :func:`normal_noise`.

    The values are the 2^23 odd multiples of 2^-24, exact in float32 (float16 and bfloat16 round some of them
    to 1).
    """
    return _uniform(*_checked("uniform_noise", ids, draws, seed, shape, dtype))


def _checked(op, ids, draws, seed, shape, dtype):
    _rows.check_integers(op, "ids", ids, None, ids)
    check_draws(op, draws, ids.shape[0], ids)
    if dtype not in _rows.FLOATING:
        raise TypeError(f"{op}: `dtype` must be a floating point type, got {dtype}")
    if any(size < 0 for size in shape):
        raise ValueError(f"{op}: `shape` must hold sizes >= 0, got {tuple(shape)}")
    if math.prod(shape) > 2**34:
        raise ValueError(f"{op}: `shape` must hold at most 2^34 elements, got {tuple(shape)}")
    return ids, draws, signed_seed(op, seed), list(shape), dtype


def check_draws(op: str, draws: Tensor, length: int, like: Tensor) -> None:
    _rows.check_integers(op, "draws", draws, length, like)
    _rows.check_range(op, "draws", draws, 2**32)


def signed_seed(op: str, seed: int) -> int:
    """The int64 with the bits of ``seed``."""
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise TypeError(f"{op}: `seed` must be an int, got {type(seed).__name__}")
    if not -(2**63) <= seed < 2**64:
        raise ValueError(f"{op}: `seed` must fit in 64 bits, got {seed}")
    return seed - 2**64 if seed >= 2**63 else seed


def derive_seed(seed: int, stream: str) -> int:
    """A 64-bit seed for an independent stream of noise, named by any string."""
    digest = hashlib.blake2b(f"{seed}:{stream}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
