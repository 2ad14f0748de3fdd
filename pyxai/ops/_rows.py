"""What every operator over rows shares: argument checks in one form of message, dtypes and layouts."""

import torch
from torch import Tensor

from pyxai.ops._define import DETACHED

FLOATING = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def accumulate_dtype(dtype: torch.dtype) -> torch.dtype:
    """The dtype sums are formed in: float64 for float64, else float32."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def memory_format(x: Tensor) -> torch.memory_format:
    """channels_last for a 4-d tensor laid out so (and not also contiguous), else contiguous."""
    if x.dim() == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last):
        return torch.channels_last
    return torch.contiguous_format


def new_rows(like: Tensor, rows: int, dtype: torch.dtype | None = None) -> Tensor:
    """Uninitialised (rows, ...) tensor whose rows look like those of ``like``, in the same memory format."""
    shape = (rows, *like.shape[1:])
    return torch.empty(
        shape, dtype=dtype or like.dtype, device=like.device, memory_format=memory_format(like)
    )


def per_row(values: Tensor, like: Tensor) -> Tensor:
    """``values`` (R,) shaped to multiply rows of ``like``."""
    return values.reshape(-1, *[1] * (like.dim() - 1))


def check_floating(op: str, name: str, x: Tensor) -> None:
    """``x`` is a floating tensor with a row dimension."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{op}: `{name}` must be a tensor, got {type(x).__name__}")
    if x.dtype not in FLOATING:
        raise TypeError(f"{op}: `{name}` must be floating point, got {x.dtype}")
    if x.dim() == 0:
        raise ValueError(f"{op}: `{name}` must have shape (N, ...), got ()")


def check_data(op: str, name: str, x: Tensor) -> None:
    """``x`` has values; where it is an operator's only tensor no other gives a meta tensor away."""
    if x.device.type == "meta":
        raise ValueError(f"{op}: `{name}` must hold values, got a meta tensor")


def check_dimensions(op: str, name: str, x: Tensor, dimensions: int, shape: str) -> None:
    """``x`` is floating, holds values and has ``dimensions`` dimensions, which ``shape`` names."""
    check_floating(op, name, x)
    check_data(op, name, x)
    if x.dim() != dimensions:
        raise ValueError(f"{op}: `{name}` must have shape {shape}, got {tuple(x.shape)}")


def check_like(op: str, name: str, x: Tensor, other: str, like: Tensor) -> None:
    """``x`` has the dtype, device and row shape of ``like``, the argument named ``other``."""
    check_floating(op, name, x)
    if x.dtype != like.dtype:
        raise TypeError(f"{op}: `{name}` must be {like.dtype} like `{other}`, got {x.dtype}")
    check_device(op, name, x, like)
    check_row_shape(op, name, x, like)


def check_operand(op: str, name: str, x: Tensor, other: str, like: Tensor) -> None:
    """``x`` is like ``like``, the argument named ``other``, or one row of its kind that all rows share."""
    check_like(op, name, x, other, like)
    if x.shape[0] not in (1, like.shape[0]):
        raise ValueError(f"{op}: `{name}` must hold 1 or {like.shape[0]} rows, got {x.shape[0]}")


def check_row_shape(op: str, name: str, x: Tensor, like: Tensor) -> None:
    if x.shape[1:] != like.shape[1:]:
        expected = ", ".join(map(str, ("N", *like.shape[1:])))
        raise ValueError(f"{op}: `{name}` must have shape ({expected}), got {tuple(x.shape)}")


def check_device(op: str, name: str, x: Tensor, like: Tensor) -> None:
    if x.device != like.device:
        raise ValueError(f"{op}: `{name}` must be on {like.device}, got {x.device}")


def check_vector(op: str, name: str, x: Tensor, length: int | None, like: Tensor) -> None:
    """``x`` is (length,) on the device of ``like``; the length is free if None."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{op}: `{name}` must be a tensor, got {type(x).__name__}")
    if x.dim() != 1 or (length is not None and x.shape[0] != length):
        expected = "R" if length is None else length
        raise ValueError(f"{op}: `{name}` must have shape ({expected},), got {tuple(x.shape)}")
    check_device(op, name, x, like)


def check_integers(op: str, name: str, x: Tensor, length: int | None, like: Tensor) -> None:
    check_vector(op, name, x, length, like)
    if x.dtype != torch.int64:
        raise TypeError(f"{op}: `{name}` must be int64, got {x.dtype}")


def check_reals(op: str, name: str, x: Tensor, length: int | None, like: Tensor) -> None:
    check_vector(op, name, x, length, like)
    if not x.dtype.is_floating_point:
        raise TypeError(f"{op}: `{name}` must be floating point, got {x.dtype}")


def check_index(op: str, index: Tensor, images: int, like: Tensor, length: int | None = None) -> None:
    """``index`` is an int64 vector with values in [0, images)."""
    check_integers(op, "index", index, length, like)
    check_range(op, "index", index, images)


def check_range(op: str, name: str, x: Tensor, stop: int) -> None:
    """The values of ``x`` lie in [0, stop).

    They are looked at only where that is free: on the CPU and outside a trace. CUDA kernels assert an index.
    """
    if x.device.type != "cpu" or x.numel() == 0 or torch.compiler.is_compiling():
        return
    low, high = (int(value) for value in torch.aminmax(x))
    if low < 0 or high >= stop:
        raise ValueError(f"{op}: `{name}` must lie in [0, {stop}), got {low if low < 0 else high}")


def check_total(op: str, name: str, x: Tensor) -> None:
    """``x`` is a float32 or float64 tensor that can be changed in place."""
    check_floating(op, name, x)
    if x.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{op}: `{name}` must be float32 or float64, got {x.dtype}")


def check_detached(op: str, **arguments: Tensor | None) -> None:
    """No argument asks for a gradient, which an operator in place would drop."""
    for name, x in arguments.items():
        if x is not None and torch.is_grad_enabled() and x.requires_grad:
            raise ValueError(f"{op}: `{name}` {DETACHED}")


def check_added(op: str, rows: Tensor, total: Tensor) -> None:
    """``rows`` fit the rows of ``total`` and lose nothing in its dtype."""
    check_floating(op, "rows", rows)
    check_device(op, "rows", rows, total)
    check_row_shape(op, "rows", rows, total)
    if rows.dtype == torch.float64 and total.dtype != torch.float64:
        raise TypeError(f"{op}: `rows` must be no wider than {total.dtype}, got {rows.dtype}")
