"""Sums over the channels and places of a layer."""

from __future__ import annotations

from torch import Tensor


def places(values: Tensor) -> tuple[int, ...]:
    """The axes of the places of values (n, C, …)."""
    return tuple(range(2, values.ndim))


def image_like(values: Tensor) -> Tensor:
    """Values (n, C, …) as (n, C, P, 1), with the places in a row: the form that operators take."""
    return values.flatten(2)[..., None]


def weighted(values: Tensor, weights: Tensor) -> Tensor:
    """Σ_k w_k A_k: values (n, C, …) or (1, C, …) and weights of the channels (n, C) to maps (n, …)."""
    return (values * weights.reshape(*weights.shape, *[1] * (values.ndim - 2))).sum(1)
