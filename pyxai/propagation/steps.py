"""What single steps compute, as the rules of every propagation need to know it."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, fx

from pyxai.propagation.walk import Step, Tape

aten = torch.ops.aten


def one_hot(logits: Tensor, classes: Tensor) -> Tensor:
    """1 at one class of each row of ``logits`` (n, K), for the first rows that have a class; else 0."""
    start = torch.zeros_like(logits)
    start[: len(classes)].scatter_(1, classes[:, None], 1.0)
    return start


def finite(values: Tensor) -> Tensor:
    """``values`` with zero for infinities: a mask's, where nothing arrives."""
    return values.masked_fill(values.isinf(), 0)


def addend_weights(node: fx.Node) -> list[tuple[object, float]]:
    """The two addends of ``add``, ``sub`` or ``rsub`` with what each is multiplied by."""
    first, second = node.args[:2]
    alpha = node.args[2] if len(node.args) > 2 else node.kwargs.get("alpha", 1)
    if node.target is aten.rsub.Scalar:
        return [(first, -alpha), (second, 1)]
    return [(first, 1), (second, alpha if node.target is aten.add.Tensor else -alpha)]


def to_sources(step: Step, parts: Iterable[tuple[object, Tensor]], tape: Tape) -> list[Tensor]:
    """Each source's sum of ``parts`` (argument, its message), in its shape; constants' are dropped."""
    found: dict[fx.Node, Tensor] = {}
    for source, part in parts:
        if source in step.sources:
            part = part.sum_to_size(tape.layouts[source][0])
            found[source] = found[source] + part if source in found else part
    return [found[source] for source in step.sources]


def is_complex(step: Step) -> bool:
    """Whether a step takes or gives complex numbers, which have no sign to share anything out by."""
    values = (node.meta.get("val") for node in (step.node, *step.node.all_input_nodes))
    return any(isinstance(value, Tensor) and value.is_complex() for value in values)


def is_cast(step: Step, masks: bool = False) -> bool:
    """Whether a step changes the precision of its source, or with ``masks`` makes numbers of a mask."""
    if step.node.target is not aten._to_copy.default or not step.node.meta["val"].is_floating_point():
        return False
    source = step.sources[0].meta["val"]
    return source.is_floating_point() or (masks and source.dtype == torch.bool)


def cast_back(step: Step, values: Tensor) -> Tensor:
    """``values``, like those of a step that casts its source, in the source's own precision if it has one."""
    dtype = step.sources[0].meta["val"].dtype
    return values.to(dtype) if dtype.is_floating_point else values


def is_power(node: fx.Node) -> bool:
    """Whether a call raises its source to a positive power: zero stays zero."""
    return node.target is aten.pow.Tensor_Scalar and node.args[1] > 0


def is_guard(node: fx.Node) -> bool:
    """Whether a ReLU is that of ``sign(x) * relu(abs(x))``, which is x.

    So torch's ``lp_pool`` takes the root of x: its derivative at zero is then zero. It rectifies nothing.
    """
    size, users = node.args[0], node.users
    return size.target is aten.abs.default and all(
        user.target is aten.mul.Tensor
        and any(
            other.target is aten.sign.default and other.args[0] is size.args[0]
            for other in user.all_input_nodes
        )
        for user in users
    )


def selected(step: Step, values: Tensor, tape: Tape) -> list[tuple[fx.Node, Tensor]]:
    """What ``where`` chooses between, with ``values`` where each was chosen."""
    condition, first, second = step.node.args
    chosen = tape[condition]
    return [(first, values.masked_fill(~chosen, 0)), (second, values.masked_fill(chosen, 0))]
