"""Grad-CAM's map of a layer: its channels, weighted by the means of their gradients."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._lanes import sample_shape, sum_in_lanes

__all__ = ["grad_cam"]

SCHEMA = "grad_cam(Tensor values, Tensor gradient) -> Tensor"


def _reference(values: Tensor, gradient: Tensor) -> Tensor:
    sums = _rows.accumulate_dtype(values.dtype)
    slopes = gradient.to(sums).flatten(2)
    weights = sum_in_lanes(slopes, 2)[..., None] / slopes.shape[2]
    total = sum_in_lanes(weights * values.to(sums).flatten(2), 1)
    return total.to(values.dtype).reshape(len(values), *values.shape[2:])


def _fake(values: Tensor, gradient: Tensor) -> Tensor:
    return values.new_empty(values.shape[0], *values.shape[2:])


def _samples(device, dtype, rows, shape):
    layer = (rows, *sample_shape(shape))
    yield torch.rand(layer, device=device, dtype=dtype), torch.rand(layer, device=device, dtype=dtype)


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def grad_cam(values: Tensor, gradient: Tensor) -> Tensor:
    """Σ_k w_k A_k for the channels A of each image, w_k being the mean of the gradient of channel k.

    Selvaraju et al. 2017, "Grad-CAM: visual explanations from deep networks via gradient-based localization",
    §3, before its ReLU.

    Args:
        values: (N, C, H, W) floating, A. Fastest contiguous or channels_last.
        gradient: like ``values``, in the same memory format.

    Returns (N, H, W) in the common dtype, computed in float32 (float64 for float64). Not differentiable.
    Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "grad_cam"
    _rows.check_dimensions(op, "values", values, 4, "(N, C, H, W)")
    _rows.check_like(op, "gradient", gradient, "values", values)
    if len(gradient) != len(values):
        raise ValueError(f"{op}: `gradient` must hold {len(values)} rows, got {len(gradient)}")
    return _op(values, gradient)
