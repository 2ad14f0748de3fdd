"""Sums over the channels and places of a layer."""

from __future__ import annotations

from torch import Tensor


def places(values: Tensor) -> tuple[int, ...]:
    """The axes of the places of values (n, C, …)."""
    return tuple(range(2, values.ndim))


def weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Σ_k w_k A_k: values (n, C, …) or (1, C, …) and weights of the channels (n, C) to maps (n, …)."""
    return (values * weights.reshape(*weights.shape, *[1] * (values.ndim - 2))).sum(1)
