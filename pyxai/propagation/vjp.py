"""The transpose of a step, for operations that are linear in each of their sources, and its derivative."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, fx

from pyxai.propagation.walk import Step, Tape


def transpose(
    step: Step, cotangent: Tensor, tape: Tape, nodes: Iterable[fx.Node] | None = None
) -> list[Tensor]:
    """``cotangent`` (like the step's value) pulled back to ``nodes`` in their order, by default every source.

    For operations linear in all of these together (reshape, slice, cat, mean, …): values of sources are not
    read, only their layouts.
    """
    nodes = step.sources if nodes is None else nodes
    return _pull_back(step, nodes, cotangent, tape, lambda node: blank(tape, node, cotangent))


def derivative(
    step: Step, cotangent: Tensor, tape: Tape, at: Callable[[fx.Node], Tensor] | None = None
) -> list[Tensor]:
    """The vector-Jacobian product of any operation; reads the values of all sources.

    Args:
        at: value of each source to differentiate at, instead of the tape's.
    """
    return _pull_back(step, step.sources, cotangent, tape, at or (lambda node: tape[node].detach()))


def blank(tape: Tape, node: fx.Node, like: Tensor) -> Tensor:
    """An uninitialised tensor laid out as the value of ``node`` was."""
    if node not in tape.layouts:  # a constant of the model
        return torch.empty_like(tape[node], dtype=like.dtype)
    shape, stride = tape.layouts[node]
    return torch.empty_strided(shape, stride, dtype=like.dtype, device=like.device)


def _pull_back(step: Step, nodes: Iterable[fx.Node], cotangent: Tensor, tape: Tape, leaf) -> list[Tensor]:
    leaves = {node: leaf(node) for node in nodes}
    varying = {
        source: value.requires_grad_(True)
        for source, value in leaves.items()
        if value.is_floating_point() or value.is_complex()
    }
    arguments, settings = fx.node.map_arg(
        (step.node.args, step.node.kwargs),
        lambda node: leaves[node] if node in leaves else tape[node],
    )
    with torch.enable_grad():
        value = step.node.target(*arguments, **settings)
    found = {}
    if value.requires_grad:  # a comparison has no derivative, and there is none by a mask
        parts = torch.autograd.grad(value, list(varying.values()), cotangent, materialize_grads=True)
        found = dict(zip(varying, parts, strict=True))
    return [
        found[source] if source in found else torch.zeros_like(leaf, dtype=cotangent.dtype)
        for source, leaf in leaves.items()
    ]
