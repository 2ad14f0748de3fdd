"""Counter-based noise: the same words for the same (seed, id, draw, element), wherever they are made.

Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), keyed by the 64-bit seed.
The counter of elements 4k … 4k+3 is (k, draw, id); its four words serve them in logical (contiguous) order.
The operators make float32 values of them without libm, so they are bitwise equal on every device, thread
count and vector width.
"""

import hashlib
import math
from collections.abc import Callable

import torch
from torch import Tensor

from pyxai.ops import _rows

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


def noise_of(
    distribution: Callable[[Tensor], Tensor],
    ids: Tensor,
    draws: Tensor,
    seed: int,
    shape: list[int],
    dtype: torch.dtype,
) -> Tensor:
    """The reference of the operators that make noise: ``distribution`` of the words of (R, *shape)."""
    words = _words(ids, draws, seed, torch.Size(shape).numel())
    return distribution(words).to(dtype).reshape(len(ids), *shape)


def fake_noise(ids: Tensor, draws: Tensor, seed: int, shape: list[int], dtype: torch.dtype) -> Tensor:
    return ids.new_empty((ids.shape[0], *shape), dtype=dtype)


def noise_samples(device, dtype, rows, shape):
    ids = torch.arange(rows, device=device) * 0x123456789AB
    yield ids, torch.arange(rows, device=device) % 4, 0x0123456789ABCDEF, shape, dtype
    yield -ids, torch.full_like(ids, _LOW), -1, shape, dtype


def checked_noise(
    op: str, ids: Tensor, draws: Tensor, seed: int, shape: tuple[int, ...], dtype: torch.dtype
) -> tuple:
    """The arguments of an operator that makes noise, as its schema takes them."""
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
