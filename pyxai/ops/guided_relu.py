"""Guided backpropagation through a ReLU, in one pass."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["guided_relu_"]

SCHEMA = "guided_relu_(Tensor(a!) value, Tensor signal) -> ()"


def _reference(value: Tensor, signal: Tensor) -> None:
    value.copy_(torch.where((value <= 0) | (signal <= 0), 0, signal))


def _fake(value: Tensor, signal: Tensor) -> None:
    return None


def _samples(device, dtype, rows, shape):
    def draw():
        return torch.randn(rows, *shape, device=device, dtype=dtype)

    yield draw().relu(), draw()
    yield draw(), draw()


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def guided_relu_(value: Tensor, signal: Tensor) -> None:
    """Write over ``value`` the signal that guided backpropagation lets through a ReLU, in place.

    That is ``signal`` where it and ``value`` are positive, else 0 (Springenberg et al. 2015, fig. 1). As with
    the gradient of a ReLU a NaN in ``value`` lets the signal through, and a NaN in ``signal`` comes out where
    ``value`` is positive.

    Args:
        value: (N, ...) floating, what the ReLU was given or gave. Fastest contiguous or channels_last.
        signal: like ``value``, the signal that came back to the ReLU's output.

    Not differentiable. Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "guided_relu_"
    _rows.check_floating(op, "value", value)
    _rows.check_like(op, "signal", signal, "value", value)
    if len(signal) != len(value):
        raise ValueError(f"{op}: `signal` must hold {len(value)} rows, got {len(signal)}")
    _rows.check_detached(op, value=value, signal=signal)
    _op(value, signal)
