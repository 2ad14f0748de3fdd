"""Uniform numbers, a function of (seed, id, draw, element) alone."""

import torch
from torch import Tensor

from pyxai.ops._define import define
from pyxai.ops._noise import checked_noise, fake_noise, noise_of, noise_samples

__all__ = ["uniform_noise"]

SCHEMA = "uniform_noise(Tensor ids, Tensor draws, int seed, SymInt[] shape, ScalarType dtype) -> Tensor"


def _uniform_of(words: Tensor) -> Tensor:
    """The odd multiples of 2^-24 in (0, 1), float32."""
    return (words >> 8 | 1).to(torch.float32) * 2.0**-24


def _reference(ids: Tensor, draws: Tensor, seed: int, shape: list[int], dtype: torch.dtype) -> Tensor:
    return noise_of(_uniform_of, ids, draws, seed, shape, dtype)


_op = define(SCHEMA, reference=_reference, fake=fake_noise, samples=noise_samples)


def uniform_noise(
    ids: Tensor, draws: Tensor, seed: int, shape: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> Tensor:
    """Uniform numbers in the open interval (0, 1), (R, *shape).

    The arguments are those of :func:`pyxai.ops.normal_noise`. The values are the 2^23 odd
    multiples of 2^-24, exact in float32 (float16 and bfloat16 round some of them to 1).
    """
    return _op(*checked_noise("uniform_noise", ids, draws, seed, shape, dtype))
