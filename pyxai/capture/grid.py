"""Which layers are maps of the image, and where in it their values lie."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from pyxai.capture.layers import Watch
from pyxai.capture.rows import with_mates
from pyxai.checks import brief, expect, shown

LAST_MAP = "auto"
"""Stands for the name of the last layer that is a map of the image."""

_CLEAR = 0.1  # how far a response must move along an axis to tell what it is, as a share of the axis
_ROUNDING = 1e-4  # share of the largest change that a value may move by which is the same for all images
_MOST_LEADS = 3  # layers that a message offers


@dataclass(frozen=True)
class Layout:
    """Where the values (n, …) of a layer lie over the image.

    Attributes:
        size: rows and columns of the grid, (h, w); of volumes (t, h, w).
        channel: the axis of the channels, 1 or -1.
        tokens: which tokens lie on the grid, row by row; None where the grid has axes of its own.
    """

    size: tuple[int, ...]
    channel: int
    tokens: tuple[int, ...] | None = None

    def maps(self, values: Tensor) -> Tensor:
        """The layer's values as maps (n, C, h, w)."""
        if self.tokens is not None:
            values = values[:, list(self.tokens)].unflatten(1, self.size)
        return values.movedim(self.channel, 1)

    def values(self, maps: Tensor, shape: tuple[int, ...]) -> Tensor:
        """Maps (n, C, h, w) as the values (n, …) of a layer that has ``shape`` for one image.

        Tokens that do not lie on the grid have 0.
        """
        values = maps.movedim(1, self.channel)
        if self.tokens is None:
            return values.contiguous()
        whole = maps.new_zeros(len(maps), *shape)
        whole[:, list(self.tokens)] = values.flatten(1, -2)
        return whole


@dataclass(frozen=True)
class _Seen:
    """What one call of a module returned for an image, and how it responds to changes in halves of it.

    Attributes:
        shape: of what the module returned for one image.
        moves: for each axis of the image and of the layer how far the response moves along the latter, as a
            share of it, where the first half of the image along the former changes and then the second.
        responses: of T tokens, (axes of the image, 2, T): how much each changes with each half.
        fixed: of T tokens, which are the same whatever the image.
    """

    shape: tuple[int, ...]
    moves: Tensor
    responses: Tensor | None = None
    fixed: tuple[bool, ...] = ()


class Survey:
    """The layers of a model as maps of the image.

    What is asked is told by what the modules return: the model runs when something is asked first, with hooks
    that live inside the call, on an image and on copies of it of which one half is another.

    Args:
        model: the module that holds the layers.
        function: what calls it with images (n, C, H, W), and gives scores (n, K).
        image: (1, C, H, W).
    """

    def __init__(self, model: nn.Module, function: Callable[[Tensor], Tensor], image: Tensor):
        self._model, self._function, self._image = model, function, image

    @property
    def image(self) -> Tensor:
        """The image (1, C, H, W) that is tried."""
        return self._image

    @property
    def halves(self) -> Tensor:
        """It and, for each of its axes, copies with another first half and with another second half."""
        return _halves(self._image)

    def last_map(self) -> str:
        """The last layer, in the order in which calls end, that is a map of the image and matters.

        Raises:
            ValueError: there is none, or layers of tokens come behind it.
        """
        for name in reversed(self._seen):
            layout = self._layout(name)
            if layout is None or not self.depends(name):
                continue
            if layout.tokens is not None:
                leads = " or ".join(map(repr, self._leads()))
                expect(False, "layer", f"be named for a model of tokens, as {leads}", repr(LAST_MAP))
            return name
        expect(False, "layer", "be named where no module returns a map of the image", repr(LAST_MAP))

    def layout(self, name: str, grid: tuple[int, ...] | None = None) -> Layout:
        """Where the values of a layer lie over the image.

        Args:
            name: of a layer that is called.
            grid: rows and columns of the layer; of tokens the last ones lie on it. None to find out.

        Raises:
            ValueError: they lie nowhere in it, or it cannot be told.
        """
        shape = self._seen[name].shape if name in self._seen else ()
        has = f"{name!r}, which has {shape or 'other rows than one'} for an image"
        if grid is not None:
            layout = self._given(name, grid)
            expect(layout is not None, "grid", f"be rows and columns of {has}", shown(grid))
            return layout
        layout = self._layout(name)
        wanted = (
            "return tokens on a grid, or come with `grid`" if len(shape) == 2 else "return a map of the image"
        )
        expect(layout is not None, "layer", wanted, has)
        return layout

    def tokens(self, values: Tensor, sizes: Iterable[tuple[int, ...]]) -> Layout | None:
        """Where tokens lie over the image; None where that cannot be told.

        Those that are the same for all images, class tokens and registers, lie nowhere.

        Args:
            values: (n, T, C), what :attr:`halves` give where each token is of one part of the image.
            sizes: of maps that come before. Else it is that of the image in small.
        """
        changes = (values[1:] - values[:1]).abs().float().sum(-1)
        moved = (changes.amax(0) > _ROUNDING * changes.max()).tolist()
        places = tuple(place for place, changed in enumerate(moved) if changed)
        changes = changes[:, list(places)]
        for size in (*sizes, self._in_small(len(places))):
            if math.prod(size) != len(places) or len(places) < 2:
                continue
            moves = _moves(changes.unflatten(0, (-1, 2)).unflatten(-1, size))
            if _least_move(moves) > _CLEAR:
                return Layout(tuple(size), -1, places)
        return None

    def axes(self, name: str, shape: tuple[int, ...]) -> tuple[str, ...]:
        """What the axes of a layer are called: ``channel``, ``y`` and ``x``, ``token``, ``unit``.

        Args:
            name: of a layer that is called.
            shape: of what it has for one image. Axes that are nothing known are ``axis_1`` and so on.
        """
        layout = self._layout(name)
        if layout is not None and len(shape) == len(self._seen[name].shape):
            if layout.tokens is not None:
                return "token", "channel"
            places = ("frame", "y", "x")[-len(layout.size) :]
            return ("channel", *places) if layout.channel == 1 else (*places, "channel")
        return ("unit",) if len(shape) == 1 else tuple(f"axis_{place + 1}" for place in range(len(shape)))

    def depends(self, name: str, places: slice | list[int] = slice(None)) -> bool:
        """Whether the scores change with the values of a layer (of the ``places`` along its first axis)."""

        def changed(_: str, value: Tensor) -> Tensor:
            scale = 1 + value.abs().max()
            ramp = torch.linspace(-1, 1, value.numel(), dtype=value.dtype, device=value.device)
            other = value.clone()
            other[:, places] = (scale * ramp).reshape(value.shape)[:, places]
            return other

        with torch.no_grad():
            own = self._function(self._image.clone())
            with Watch(self._model, (name,), changed):
                return not torch.equal(self._function(self._image.clone()), own)

    @cached_property
    def _seen(self) -> dict[str, _Seen]:
        """What the calls of all modules returned, in the order in which they ended."""
        images, seen = _halves(self._image), {}

        def see(name: str, value: Any) -> None:
            floating = isinstance(value, Tensor) and value.is_floating_point()
            if floating and value.ndim > 1 and len(value) == len(images) and value.numel():
                seen[name] = _look(value, self._image.ndim - 2)

        try:
            with torch.no_grad(), Watch(self._model, None, see):
                self._function(images)
        except Exception as error:  # the model's own code may raise anything
            raise ValueError(f"`model` must let its layers be read: {brief(error)}") from error
        return seen

    def _layout(self, name: str) -> Layout | None:
        """What the values themselves tell; None where that is too little."""
        seen = self._seen.get(name)
        dimensions = 0 if seen is None else len(seen.shape)
        layout = None
        if dimensions == self._image.ndim - 1:
            layout = self._of_axes(seen)
        elif dimensions == 2:
            layout = self._of_tokens(name, seen)
        return layout if layout is not None and math.prod(layout.size) > 1 else None

    def _of_axes(self, seen: _Seen) -> Layout | None:
        """Channels first or last: as the halves clearly move, else by the proportions of the image."""
        layouts, axes = (Layout(seen.shape[1:], 1), Layout(seen.shape[:-1], -1)), len(seen.shape) - 1
        moves = [_least_move(seen.moves[:, start : start + axes]) for start in (1, 0)]
        if max(moves) > _CLEAR:
            return layouts[moves.index(max(moves))]
        first, last = (self._in_proportion(layout.size) for layout in layouts)
        if first and not last:
            return layouts[0]
        # channels first in other proportions, as without padding, are usual: they must be out of the question
        larger = any(
            places > side for places, side in zip(seen.shape[1:], self._image.shape[2:], strict=True)
        )
        return layouts[1] if last and not first and (larger or moves[1] > moves[0]) else None

    def _of_tokens(self, name: str, seen: _Seen) -> Layout | None:
        """The size of a map that comes before, or that of the image in small.

        Where tokens appear first, those that are the same for all images (class tokens, registers) lie
        nowhere in them.
        """
        count, channels = seen.shape
        first = next(other for other in self._seen.values() if len(other.fixed) == count)
        places = tuple(place for place, fixed in enumerate(first.fixed) if not fixed)
        known = self._sizes_before(name)
        fitting = (size for size in (*known, self._in_small(len(places))) if math.prod(size) == len(places))
        size = next(fitting, None)
        if size is not None and channels in map(math.prod, known):  # the channels may be the places
            moves = _moves(seen.responses[..., list(places)].unflatten(-1, size))
            size = size if _least_move(moves) > _CLEAR else None
        return None if size is None else Layout(size, -1, places)

    def _sizes_before(self, name: str) -> list[tuple[int, ...]]:
        """Sizes of the maps that come before a layer."""
        names = takewhile(lambda other: other != name, self._seen)
        maps = [other for other in names if len(self._seen[other].shape) == self._image.ndim - 1]
        return [layout.size for layout in map(self._layout, maps) if layout is not None]

    def _in_small(self, count: int) -> tuple[int, ...]:
        """As many places in the proportions of the image, as far as whole numbers allow."""
        sides = self._image.shape[2:]
        scale = (count / math.prod(sides)) ** (1 / len(sides))
        return tuple(round(side * scale) for side in sides)

    def _in_proportion(self, size: tuple[int, ...]) -> bool:
        """Whether a grid has the proportions of the image, to less than one of its rows or columns."""
        sides = self._image.shape[2:]
        scales = [places / side for places, side in zip(size, sides, strict=True)]
        return max(scales) - min(scales) < 1 / min(sides)

    def _given(self, name: str, grid: tuple[int, ...]) -> Layout | None:
        """The layout that has this size."""
        shape = self._seen[name].shape if name in self._seen else ()
        count = math.prod(grid)
        if count <= 1 or len(grid) != self._image.ndim - 2:
            return None
        if len(shape) == 2 and count <= shape[0]:
            return Layout(grid, -1, tuple(range(shape[0] - count, shape[0])))
        layouts = [Layout(grid, 1)] if shape[1:] == grid else []
        layouts += [Layout(grid, -1)] if shape[:-1] == grid else []
        return layouts[0] if len(layouts) == 1 else self._layout(name) if layouts else None

    def _leads(self) -> list[str]:
        """The last layers of tokens whose places in the image the scores depend on."""
        found = []
        for name in reversed(self._seen):
            layout = self._layout(name)
            if layout is not None and layout.tokens and self.depends(name, list(layout.tokens)):
                found.append(name)
            if len(found) == _MOST_LEADS:
                break
        return found


def _halves(image: Tensor) -> Tensor:
    """An image and, for each of its axes, copies with another first half and with another second half."""
    other, copies = with_mates(image)[2:], [image]
    for axis in range(2, image.ndim):
        middle = image.shape[axis] // 2
        parts = [part.split([middle, image.shape[axis] - middle], axis) for part in (image, other)]
        copies += [
            torch.cat(halves, axis) for halves in ((parts[1][0], parts[0][1]), (parts[0][0], parts[1][1]))
        ]
    return torch.cat(copies)


def _look(value: Tensor, axes: int) -> _Seen:
    """What is kept of the values (1 + 2 · axes, …) of a layer for :func:`_halves`."""
    changes = (value[1:] - value[:1]).abs().float().unflatten(0, (axes, 2))
    shape = tuple(value.shape[1:])
    if len(shape) != 2:
        return _Seen(shape, _moves(changes))
    fixed = (value == value[:1]).all(0).all(-1)
    return _Seen(shape, _moves(changes), changes.sum(-1).cpu(), tuple(fixed.tolist()))


def _moves(changes: Tensor) -> Tensor:
    """How far changes (axes, 2, …) move along their axes from the first half to the second, (axes, …)."""
    moves = []
    for axis in range(2, changes.ndim):
        profile = changes.movedim(axis, -1).flatten(2, -2).sum(2) if changes.ndim > 3 else changes
        places = torch.linspace(0, 1, profile.shape[-1], device=profile.device)
        centres = (profile * places).sum(-1) / profile.sum(-1)
        moves.append(centres[:, 1] - centres[:, 0])
    return torch.stack(moves, 1).nan_to_num().cpu()


def _least_move(moves: Tensor) -> float:
    """The least of the moves along the axes that belong to each other."""
    return float(moves.diagonal().min())
