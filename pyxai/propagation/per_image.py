"""What belongs to each image, wherever a network keeps the axis of its images.

Attention may have it in the second place; windows, frames and heads are folded into it. Where it lies follows
from the shapes of the captured graph, where the number of images is a symbol or an unusual prime.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from pyxai.capture.export import module_path, operation
from pyxai.capture.vocabulary import RESHAPES
from pyxai.propagation.walk import Tape


def image_sums(node: fx.Node, values: Tensor) -> Tensor:
    """Σ of ``values``, laid out as the value of ``node`` is, over each image: (n,) float64."""
    axis, run = image_axis(node)
    if (axis, run) != (0, 1) or multiple_of(node, axis) != 1:
        count = values.shape[axis] // multiple_of(node, axis)
        values = values.unflatten(axis, (-1, count, run)).movedim(axis + 1, 0)
    return values.reshape(len(values), -1).sum(1, dtype=torch.float64)


def each_image(node: fx.Node, values: Tensor, tape: Tape) -> Tensor:
    """``values`` of one image, laid out as the value of ``node`` would be, for all; (1, …) stands for all."""
    axis, run = image_axis(node)
    multiple = multiple_of(node, axis)
    if (axis, multiple) == (0, 1):
        return values
    count = tape.layouts[node][0][axis] // multiple
    copies = values.unflatten(axis, (-1, 1, run))
    return copies.expand(*copies.shape[: axis + 1], count, *copies.shape[axis + 2 :]).flatten(axis, axis + 2)


def sizes_of(node: fx.Node, images: int) -> tuple[int, ...]:
    """The shape that the value of ``node`` has for so many images."""
    shape = node.meta["val"].shape
    return tuple(images * multiple_of(node, axis) or int(shape[axis]) for axis in range(len(shape)))


def image_axis(node: fx.Node) -> tuple[int, int]:
    """The axis along which the value of ``node`` has its images, and how many places one takes in a row.

    Raises:
        ValueError: the images cannot be told apart along one axis.
    """
    if "image_axis" not in node.meta:
        node.meta["image_axis"] = _find(node)
    return node.meta["image_axis"]


def _find(node: fx.Node) -> tuple[int, int]:
    shape = node.meta["val"].shape
    axes = _open(node)
    if len(axes) == 1:
        (axis,) = axes
        if multiple_of(node, axis) == 1:
            return axis, 1
        for source in node.all_input_nodes:
            if len(_open(source)) != 1:
                continue
            before, run = image_axis(source)
            if node.target in RESHAPES:  # the order stays, so as many values lie behind the images' place
                inner = run * math.prod(source.meta["val"].shape[before + 1 :])
                return axis, inner // math.prod(shape[axis + 1 :])
            if multiple_of(source, before) == multiple_of(node, axis):
                return axis, run
    raise ValueError(
        f"images must lie along one axis, but `{operation(node)}` in `{module_path(node)}` gives "
        f"{tuple(shape)}"
    )


def _open(node: fx.Node) -> list[int]:
    """Axes whose size depends on how many images there are."""
    value = node.meta.get("val")
    return (
        [axis for axis in range(value.ndim) if multiple_of(node, axis)] if isinstance(value, Tensor) else []
    )


def multiple_of(node: fx.Node, axis: int) -> int:
    """m of an axis of size m · n, for n images; 0 where the size has nothing to do with them."""
    size = node.meta["val"].shape[axis]
    images = node.graph.find_nodes(op="placeholder")[0].meta["val"].shape[0]
    if isinstance(size, torch.SymInt):
        return int(size.node.expr.coeff(images.node.expr))
    return size // images if isinstance(images, int) and size % images == 0 else 0
