"""Max pools with the places of their maxima, and the way back to these."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from pyxai.capture.calls import result
from pyxai.propagation import vjp
from pyxai.propagation.walk import Step, Tape

aten = torch.ops.aten


class _Pool(NamedTuple):
    """What a pool is computed by.

    Attributes:
        with_places: gives its value and where each maximum is, numbered in rows over the last ``axes`` axes.
        back: its derivative, for a signal, a tensor like its source, its window and the places.
        axes: how many axes a window has.
        window: defaults of the arguments behind the source and the window's size.
    """

    with_places: torch._ops.OpOverload
    back: torch._ops.OpOverload
    axes: int
    window: tuple = ([], 0, 1, False)


_PLANE = _Pool(aten.max_pool2d_with_indices.default, aten.max_pool2d_with_indices_backward.default, 2)
_VOLUME = _Pool(aten.max_pool3d_with_indices.default, aten.max_pool3d_with_indices_backward.default, 3)
_POOLS = {
    aten.max_pool2d.default: _PLANE,
    aten.max_pool3d.default: _VOLUME,
    result(_PLANE.with_places, 0): _PLANE,
    result(_VOLUME.with_places, 0): _VOLUME,
    result(aten.adaptive_max_pool2d.default, 0): _Pool(
        aten.adaptive_max_pool2d.default, aten.adaptive_max_pool2d_backward.default, 2, ()
    ),
    result(aten.adaptive_max_pool3d.default, 0): _Pool(
        aten.adaptive_max_pool3d.default, aten.adaptive_max_pool3d_backward.default, 3, ()
    ),
}


def pooled(step: Step, arguments: tuple, settings: dict, tape: Tape) -> Tensor:
    """The value of a max pool; leaves in ``tape.notes`` where its maxima are, the first of equal ones."""
    value, tape.notes[step] = _POOLS[step.node.target].with_places(*arguments, **settings)
    return value


def unpooled(step: Step, values: Tensor, tape: Tape, places: Tensor) -> Tensor:
    """``values`` of a max pool back at ``places`` of its source, adding up where windows overlap."""
    pool = _POOLS[step.node.target]
    window = (*step.node.args[1:], *pool.window[len(step.node.args) - 2 :])
    like = vjp.blank(tape, step.sources[0], values)
    return pool.back(values, like, *(window if pool.window else ()), places)


def picked(step: Step, values: Tensor, places: Tensor) -> Tensor:
    """``values`` like the pool's source, of all images or one row for all, at ``places`` of its value."""
    axes = _POOLS[step.node.target].axes

    def in_rows(part: Tensor) -> Tensor:  # with what is not pooled last, as channels lie
        return part.movedim(-axes - 1, -1).flatten(-axes - 1, -2)

    pixels = values.expand(*places.shape[:-axes], *values.shape[-axes:])
    found = in_rows(pixels).gather(-2, in_rows(places))
    return found.unflatten(-2, places.shape[-axes:]).movedim(-1, -axes - 1)
