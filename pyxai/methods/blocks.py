"""The loop over model calls of methods that explain each image by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from pyxai.capture.rows import FixedRows
from pyxai.methods.request import Maps

OF_IMAGES = ("attribution", "score", "standard_error")
"""Fields of :class:`Maps` that have the dtype of the images, whatever dtype the model runs in."""


def by_blocks(executor: FixedRows, images: Tensor, explain: Callable[[slice], Maps]) -> Maps:
    """The maps of all ``images``, found for as many at a time as a model call has rows.

    Args:
        executor: of the model.
        images: (N, C, H, W) with N > 0.
        explain: from the place of at most ``executor.rows`` of the images to the maps of these.
    """
    found = None
    for rows in executor.blocks(len(images)):
        part = explain(rows)
        if found is None:
            found = _room(part, images)
        for whole, own in zip(found.tensors(), part.tensors(), strict=True):
            whole[rows] = own
    return found


def _room(part: Maps, images: Tensor) -> Maps:
    """Maps of all ``images``, not filled in yet, for whatever the maps of a part of them have."""
    dtypes = {field.name: images.dtype if field.name in OF_IMAGES else None for field in fields(Maps)}
    return Maps(**{name: _empty(getattr(part, name), len(images), dtype) for name, dtype in dtypes.items()})


def _empty(entry: Any, count: int, dtype: torch.dtype | None) -> Any:
    # not within the function above: one that calls itself would keep the images until cycles are collected
    if isinstance(entry, dict):
        return {name: _empty(tensors, count, dtype) for name, tensors in entry.items()}
    if isinstance(entry, list):
        return [_empty(rows, count, dtype) for rows in entry]
    return None if entry is None else entry.new_empty((count, *entry.shape[1:]), dtype=dtype)
