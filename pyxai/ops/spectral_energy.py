"""The element-wise half of spectral residual saliency behind the Fourier transforms."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._complex_planes import check_complex, pad
from pyxai.ops._define import define
from pyxai.ops._elementary import root_of

__all__ = ["spectral_energy"]

SCHEMA = "spectral_energy(Tensor field, Tensor taps, bool opencv) -> Tensor"


def _reference(field: Tensor, taps: Tensor, opencv: bool) -> Tensor:
    sums = _rows.accumulate_dtype(field.dtype)
    real, imaginary = field.to(sums).unbind(-1)
    energy = real * real + imaginary * imaginary
    out = torch.empty(field.shape[:3], dtype=field.dtype, device=field.device)
    if out.numel() == 0:
        return out
    padded = pad(root_of(energy) if opencv else energy, len(taps) // 2, "reflect" if opencv else "zero")
    smooth = sum(
        tap * part for tap, part in zip(taps, padded.unfold(2, len(taps), 1).unbind(-1), strict=True)
    )
    smooth = sum(
        tap * part for tap, part in zip(taps, smooth.unfold(1, len(taps), 1).unbind(-1), strict=True)
    )
    return out.copy_(smooth.square() if opencv else smooth)


def _fake(field: Tensor, taps: Tensor, opencv: bool) -> Tensor:
    return field.new_empty(field.shape[:3])


def _samples(device, dtype, rows, shape):
    height, width = (shape[0], shape[-1]) if len(shape) > 1 else (1, shape[0] // 2)
    field = torch.randn(rows, height, width, 2, device=device, dtype=dtype)
    for opencv, size in ((False, 13), (True, 5)):
        taps = torch.rand(size, device=device, dtype=_rows.accumulate_dtype(dtype))
        yield field, (taps + taps.flip(0)) / (2 * taps.sum()), opencv


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def spectral_energy(field: Tensor, taps: Tensor, opencv: bool) -> Tensor:
    """The smoothed square of complex planes: a saliency map out of an inverse transform.

    Args:
        field: (N, H, W, 2) floating, real and imaginary part.
        taps: (K,) floating, K odd, the filter along each side; its sum should be 1.
        opencv: False: the squared magnitude, smoothed, nothing beyond the border (the code of Hou & Zhang).
            True: the magnitude, smoothed with the border mirrored about the outermost value, then squared.

    Returns (N, H, W), computed in float32 (float64 for float64).
    """
    op = "spectral_energy"
    check_complex(op, "field", field)
    _rows.check_reals(op, "taps", taps, None, field)
    if len(taps) % 2 == 0:
        raise ValueError(f"{op}: `taps` must have odd length, got {len(taps)}")
    return _op(field, taps.to(_rows.accumulate_dtype(field.dtype)), opencv)
