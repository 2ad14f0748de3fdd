"""Points on straight paths between images, for integrated gradients and its relatives."""

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops.path_accumulate import sum_rows

__all__ = ["path_points"]

SCHEMA = "path_points(Tensor start, Tensor end, Tensor index, Tensor alpha) -> Tensor"


def _reference(start: Tensor, end: Tensor, index: Tensor, alpha: Tensor) -> Tensor:
    sums = _rows.accumulate_dtype(end.dtype)
    begin = start.to(sums)[_start_index(start.shape, index)]
    points = begin + _rows.per_row(alpha, end) * (end.to(sums)[index] - begin)
    return _rows.new_rows(end, index.shape[0]).copy_(points)


def _start_index(start: torch.Size, index: Tensor) -> Tensor:
    return torch.zeros_like(index) if start[0] == 1 else index


def _fake(start: Tensor, end: Tensor, index: Tensor, alpha: Tensor) -> Tensor:
    return _rows.new_rows(end, index.shape[0])


def _setup_context(ctx, inputs, output) -> None:
    start, end, index, alpha = inputs
    ctx.save_for_backward(index, alpha)
    ctx.start, ctx.end = start.shape, end.shape


@once_differentiable
def _backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:
    index, alpha = ctx.saved_tensors
    to_start = to_end = None
    if ctx.needs_input_grad[0]:
        to_start = sum_rows(grad, _start_index(ctx.start, index), 1 - alpha, ctx.start)
    if ctx.needs_input_grad[1]:
        to_end = sum_rows(grad, index, alpha, ctx.end)
    return to_start, to_end, None, None


def _samples(device, dtype, rows, shape):
    images = 3
    end = torch.randn(images, *shape, device=device, dtype=dtype)
    index = torch.arange(rows, device=device) % images
    alpha = torch.linspace(0, 1, rows, device=device, dtype=_rows.accumulate_dtype(dtype))
    for start in (torch.randn_like(end), torch.randn(1, *shape, device=device, dtype=dtype)):
        yield start, end, index, alpha


_op = define(
    SCHEMA,
    reference=_reference,
    fake=_fake,
    setup_context=_setup_context,
    backward=_backward,
    differentiable=("start", "end"),
    samples=_samples,
)


def path_points(start: Tensor, end: Tensor, index: Tensor, alpha: Tensor) -> Tensor:
    """Points ``start[index[r]] + alpha[r] * (end[index[r]] - start[index[r]])``, one row each.

    Args:
        start: (N, ...) floating, or (1, ...) for one start shared by all images.
        end: (N, ...), same dtype and device. Its memory format is the result's.
        index: (R,) int64, the image each row belongs to.
        alpha: (R,) floating, the position on the path; any real number.

    Returns (R, ...) in the dtype of ``end``, computed in float32 (float64 for float64). Differentiable once
    in ``start`` and ``end``. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "path_points"
    _rows.check_floating(op, "end", end)
    _rows.check_like(op, "start", start, "end", end)
    if start.shape[0] not in (1, end.shape[0]):
        raise ValueError(f"{op}: `start` must hold 1 or {end.shape[0]} images, got {start.shape[0]}")
    _rows.check_index(op, index, end.shape[0], end)
    _rows.check_reals(op, "alpha", alpha, index.shape[0], end)
    return _op(start, end, index, alpha.to(_rows.accumulate_dtype(end.dtype)))
