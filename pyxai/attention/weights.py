"""What attention gives each key, put together over heads, queries and blocks."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Heads = Literal["mean", "min", "max"]


def over_heads(weights: Tensor, image_axis: int, heads: int, how: Heads | int) -> Tensor:
    """One attention (n, T, S) of those of all heads, as a graph has them.

    Args:
        weights: (n, heads, T, S), or with the images and heads in one axis.
        how: their mean, their least or greatest value, or the number of one.
    """
    weights = weights.movedim(image_axis, 0)
    weights = weights.reshape(-1, heads, *weights.shape[-2:])
    if how == "mean":
        return weights.mean(1)
    if how == "min":
        return weights.amin(1)
    return weights.amax(1) if how == "max" else weights[:, how].clone()


def discarded(weights: Tensor, ratio: float) -> Tensor:
    """Attentions (n, T, S) with zero for the smallest ones of each image, a share ``ratio`` of all."""
    count = int(ratio * weights[0].numel())
    if count == 0:
        return weights
    places = weights.flatten(1).topk(count, 1, largest=False).indices
    return weights.flatten(1).scatter(1, places, 0.0).view_as(weights)


def rollout(attentions: list[Tensor], residual: float = 0.5) -> Tensor:
    """How much of each first token is in each last one (n, T, S) (Abnar & Zuidema 2020, eq. 1 and 2).

    It is the product Ã_L … Ã_1 of Ã = (1 - r) A + r I, with rows that sum to 1. A last attention of fewer
    queries, as that of a pooler, has no residual connection.

    Args:
        attentions: (n, T, S) of each block, in order.
        residual: r, the share of the residual connection.
    """
    product = None
    for attention in attentions:
        queries, keys = attention.shape[1:]
        if queries == keys:
            own = torch.eye(keys, dtype=attention.dtype, device=attention.device)
            attention = (1 - residual) * attention + residual * own
        total = attention.sum(-1, keepdim=True)
        attention = attention / total.masked_fill(total == 0, 1)
        product = attention if product is None else attention @ product
    return product


def relevance_rollout(relevances: list[Tensor]) -> Tensor:
    """(I + R_L) … (I + R_1), less I, of what each block adds, (n, T, T) (Chefer et al. 2021, eq. 13)."""
    product = torch.zeros_like(relevances[0])
    for relevance in relevances:
        product = product + relevance + relevance @ product
    return product
