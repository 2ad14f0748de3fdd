"""What a model's own backward pass gives, beside the derivative of its captured graph.

A backward hook, an ``autograd.Function`` and ``torch.no_grad()`` change the gradient, and a graph of the
forward pass does not know of them. They are found by what they do: gradients of random combinations of the
scores, of several images at once. In half precision rounding would explain anything: copies of the model and
its graph in single precision are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from pyxai.capture.derivative import is_connected, no_gradient, where_it_ends
from pyxai.capture.mending import Mending
from pyxai.capture.rows import with_mates
from pyxai.capture.single import in_single_precision, is_half
from pyxai.checks import brief

# Two ways to compute one gradient are apart, relative to its length, by this many units of the last place, at
# most by the second number, and by this many times what steps of a few such units at the pixels change: they
# switch ReLUs and maxima as other roundings do. On the networks of the tests it is 200 units and 3 times.
UNITS, MOST, TIMES = 1024, 0.1, 16
STEP, TRIES = 8, 3
NEIGHBOURS = (0.01, 0.1, 1)  # how far away, by the largest pixel, a gradient that is zero is looked for

Scores = nn.Module  # images to scores, (n, K)
Gradient = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class OwnBackward:
    """How a model's own backward pass is related to the derivative of its captured graph.

    Attributes:
        differs: in what, "" where it is the same.
        runs: whether it runs at all.
        ends: where the gradient ends before the pixels, None where it gets there.
    """

    differs: str = ""
    runs: bool = True
    ends: list[str] | None = None


def own_backward(
    model: nn.Module, own: Scores, graph: Scores, ends: list[str] | None, images: Tensor
) -> OwnBackward:
    """Compare the model's own backward pass with the derivative of its captured graph.

    Args:
        model: whose modules an error can name.
        own, graph: images to scores, (n, K), by the model and by its graph; in half precision that as traced,
            for what is folded is rounded.
        ends: where the graph's derivative ends, see :func:`pyxai.capture.derivative.dead_ends`.
    """
    points = _points(images)
    try:
        theirs = _gradient(own, points)
    except Exception:  # an image of such values may be more than the model takes
        points = points[:2]
        try:
            theirs = _gradient(own, points)
        except Exception as error:  # the model's own code may raise anything
            if ends is None and not _has_gradient(graph, points):
                ends = where_it_ends(model, own, points)
            return OwnBackward(f"the model's backward pass raises {brief(error)}", False, ends)
    try:
        ours = _gradient(graph, points)
    except Exception as error:  # an operation may have no derivative, but a function around it one of its own
        return OwnBackward(f"the captured graph has no derivative, {brief(error)}")
    if not theirs.any():
        if ends is None and not ours.any() and _is_led(own, points) and not _has_steps(own, points):
            return OwnBackward()  # it happens to be zero
        return OwnBackward(
            "the model's backward pass gives the pixels no gradient",
            ends=ends or where_it_ends(model, own, points),
        )
    if ends is None and _is_derivative(graph, own, points, (ours, theirs)):
        return OwnBackward()
    return OwnBackward("the model's backward pass is not the derivative of its forward pass")


def check_gradient(model: nn.Module, own: Scores, images: Tensor) -> None:
    """Raise a :class:`ValueError` where a model that runs as it is has no gradient by the pixels but zero.

    Args:
        model, own: as of :func:`own_backward`.
    """
    points = _points(images)
    for count in (3, 2, 1):  # as above; and it may take one image at a time
        try:
            found = _gradient(own, points[:count])
            break
        except Exception as error:  # as above
            if count == 1:
                raise ValueError(f"`model` must have a gradient for this method: {brief(error)}") from error
    points = points[:count]
    if not found.any() and (not _is_led(own, points, own=True) or _has_steps(own, points)):
        raise no_gradient(where_it_ends(model, own, points))


def check_alone(own: Scores, images: Tensor) -> bool:
    """Raise a :class:`ValueError` where images beside one change its gradient, as clipping by norm does.

    Returns:
        Whether backward passes of the model need :class:`Mending`.
    """
    mending = Mending()
    image = _points(images)[:1]
    points = torch.cat([image, image.flip(-1)])
    if is_half(points) and (single := in_single_precision([own], points)):
        (own,), points = single

    def by_itself(at: Tensor) -> Tensor:
        return _gradient(own, at[:1], mending)

    def beside(at: Tensor) -> Tensor:
        return _gradient(own, at, mending)[:1]

    try:
        alone = agree(by_itself, beside, points, (by_itself(points), beside(points)))
    except Exception:  # it may take one image at a time: the call that needs more will say
        alone = True
    if not alone:
        raise ValueError("`model` must treat each image alone: others beside one change its gradient")
    return mending.needed


def _points(images: Tensor) -> Tensor:
    """Three images: the first, the last, and one of values beyond theirs."""
    first = images[:1] if len(images) else images.new_zeros(1, *images.shape[1:])
    mates = with_mates(first)
    return torch.cat([first, images[-1:] if len(images) > 1 else mates[1:2], 4 * mates[1:2]])


def _gradient(function: Scores, points: Tensor, mending: Mending | None = None) -> Tensor:
    """Gradients of random combinations of all scores; that of a third point is large, for hooks that clip.

    What torch gets wrong is none of the model's.
    """
    leaf = points.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        scores = function(leaf.clone())
        if not scores.requires_grad:
            return torch.zeros_like(points)
        generator = torch.Generator().manual_seed(0)
        directions = torch.randn(3, scores.shape[1], generator=generator, dtype=torch.float64)
        directions[2] *= 8 if points.dtype == torch.float16 else 1024
        given = directions[: len(points)].to(scores)
    with mending or Mending():
        return torch.autograd.grad(scores, leaf, given, materialize_grads=True)[0]


def _has_gradient(function: Scores, points: Tensor) -> bool:
    try:
        _gradient(function, points)
    except Exception:  # an operation may have no derivative
        return False
    return True


def _is_led(function: Scores, points: Tensor, own: bool = False) -> bool:
    """As :func:`is_connected`, of the scores and the points."""
    leaf = points.detach().clone().requires_grad_(True)
    with torch.enable_grad():
        return is_connected(function(leaf.clone()), leaf, own)


def _is_derivative(graph: Scores, own: Scores, points: Tensor, found: tuple[Tensor, Tensor]) -> bool:
    """Whether the gradients of both are one, up to rounding.

    Args:
        found: what they are at the points.
    """
    if is_half(points) and (single := in_single_precision([graph, own], points)):
        (graph, own), points = single
        found = _gradient(graph, points), _gradient(own, points)
    return agree(partial(_gradient, graph), partial(_gradient, own), points, found)


def _has_steps(function: Scores, points: Tensor) -> bool:
    """Whether scores change with the pixels while their gradient is zero wherever one looks."""
    generator, changed = torch.Generator().manual_seed(0), False
    with torch.no_grad():
        here = function(points.clone())
    bound = math.sqrt(torch.finfo(points.dtype).eps) * here.abs().max()
    try:
        for part in NEIGHBOURS:
            near = points + part * _largest(points) * _noise(points, generator)
            if _gradient(function, near).any():
                return False
            with torch.no_grad():
                changed |= bool(((function(near.clone()) - here).abs() > bound).any())
    except Exception:  # pixels of such values may be more than the model takes
        return False
    return changed


def _largest(points: Tensor) -> Tensor:
    """The largest magnitude of each point, 1 where it is 0: (n, 1, 1, 1)."""
    largest = points.abs().flatten(1).amax(1)
    return torch.where(largest > 0, largest, 1).reshape(-1, *[1] * (points.ndim - 1))


def _noise(points: Tensor, generator: torch.Generator) -> Tensor:
    """Between -1 and 1, like the points."""
    return (2 * torch.rand(points.shape, generator=generator, dtype=torch.float64) - 1).to(points)


def agree(first: Gradient, second: Gradient, points: Tensor, found: tuple[Tensor, Tensor]) -> bool:
    """Whether rounding explains how far two gradients are apart, for each of the points.

    Args:
        found: what they are at the points.
    """
    eps, generator = torch.finfo(points.dtype).eps, torch.Generator().manual_seed(0)
    ours, theirs = found
    bound = min(UNITS * eps, MOST) * torch.maximum(_lengths(ours), _lengths(theirs))
    apart, moved = _lengths(ours - theirs), torch.zeros_like(bound)
    known = _lengths(theirs).isfinite()  # else there is nothing to compare
    for _ in range(TRIES):
        if bool((apart <= bound)[known].all()):
            break
        near = points + STEP * eps * _largest(points) * _noise(points, generator)
        beside = first(near)
        moved = torch.maximum(moved, _lengths(beside - ours))
        apart = torch.fmin(apart, _lengths(beside - second(near)))
    return bool((apart <= bound + TIMES * moved)[known].all())


def _lengths(gradients: Tensor) -> Tensor:
    return gradients.flatten(1).double().norm(dim=1)
