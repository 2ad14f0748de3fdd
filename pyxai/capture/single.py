"""Copies in single precision of what runs in half, where rounding hides what a gradient is of."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, fx, nn

from pyxai.capture.export import quiet

# The scores of one model are apart, relative to the largest, by at most this in single precision.
SAME = 1e-4


def is_half(points: Tensor) -> bool:
    """Whether they are in half precision, of either kind."""
    return points.dtype in (torch.float16, torch.bfloat16)


def in_single_precision(
    functions: Sequence[nn.Module], points: Tensor
) -> tuple[Sequence[nn.Module], Tensor] | None:
    """Copies of functions in half precision, and their points, None where they cannot be compared so.

    They can where they run on such points, and all give the same scores, of the first point also alone.

    Args:
        functions: points (n, …) to scores (n, K).
        points: of the dtype that the functions run in.
    """
    try:
        copies, fine = [_copy(function, points.dtype) for function in functions], points.float()
        with torch.no_grad(), quiet():
            first, *others = [*(function(fine) for function in copies), copies[0](fine[:1])]
    except Exception:  # it may make its own tensors in half precision, or not be one to copy
        return None
    bound = SAME * first.abs().max()
    same = all((first[: len(other)] - other).abs().max() <= bound for other in others)
    return (copies, fine) if same else None


def _copy(function: nn.Module, half: torch.dtype) -> nn.Module:
    single = copy.deepcopy(function).float()
    for part in single.modules():
        if isinstance(part, fx.GraphModule):  # the casts of a graph name their dtype
            for node in part.graph.nodes:
                node.args, node.kwargs = (
                    fx.node.map_aggregate(given, lambda value: torch.float32 if value is half else value)
                    for given in (node.args, node.kwargs)
                )
            part.recompile()
    return single
