"""The element-wise half of spectral residual saliency between the Fourier transforms."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._complex_planes import check_complex, pad
from pyxai.ops._define import define
from pyxai.ops._elementary import exp_of, log_of, root_of

__all__ = ["spectral_residual"]

SCHEMA = "spectral_residual(Tensor spectrum, int width, bool opencv) -> Tensor"

FLOOR = 1 / 255
"""Amplitudes below one grey level count as one, so that an empty frequency has a logarithm."""


def _reference(spectrum: Tensor, width: int, opencv: bool) -> Tensor:
    sums = _rows.accumulate_dtype(spectrum.dtype)
    height = spectrum.shape[1]
    out = spectrum.new_empty(len(spectrum), height, width, 2, dtype=spectrum.dtype)
    if out.numel() == 0:
        return out
    half = spectrum.to(sums)
    rows = -torch.arange(height, device=spectrum.device) % height
    mirrored = half[:, rows][:, :, torch.arange(width - half.shape[2], 0, -1, device=spectrum.device)]
    full = torch.cat([half, mirrored * half.new_tensor([1.0, -1.0])], 2)
    amplitude = root_of(full[..., 0] * full[..., 0] + full[..., 1] * full[..., 1])
    log = log_of(amplitude + 1 if opencv else amplitude.clamp(min=FLOOR))
    around = pad(log, 1, "reflect" if opencv else "replicate")
    columns = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]) / 9
    residual = exp_of(log - mean)
    empty = amplitude == 0
    scale = residual / amplitude.masked_fill(empty, 1)
    real = torch.where(empty, scale, full[..., 0] * scale)
    return out.copy_(torch.stack([real, full[..., 1] * scale], -1))


def _fake(spectrum: Tensor, width: int, opencv: bool) -> Tensor:
    return spectrum.new_empty(*spectrum.shape[:2], width, 2)


def _samples(device, dtype, rows, shape):
    height, half = (shape[0], max(1, shape[-1])) if len(shape) > 1 else (1, max(1, shape[0] // 4))
    spectrum = torch.randn(rows, height, half, 2, device=device, dtype=dtype).mul_(4)
    if spectrum.numel():
        spectrum[:, 0, 0] = 0
    for opencv in (False, True):
        yield spectrum, max(1, 2 * half - 2), opencv
        yield spectrum, 2 * half - 1, opencv


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def spectral_residual(spectrum: Tensor, width: int, opencv: bool) -> Tensor:
    """The spectrum with the amplitude exp(L - mean of L), the spectral residual, and the phase it had.

    L is the logarithm of the amplitude, its mean that of 3x3 neighbours in the plane as the transform leaves
    it, frequency 0 in the corner (Hou & Zhang 2007, eq. 4-6). The mean at the plane's border is not
    periodic, so the result has no mirror symmetry and its inverse transform is complex.

    Args:
        spectrum: (N, H, width // 2 + 1, 2) floating, real and imaginary part of a real transform of
            (N, H, width), as ``torch.view_as_real(torch.fft.rfft2(x))`` gives it.
        width: columns of the whole plane.
        opencv: False: L = log max(amplitude, 1/255), border values repeated. True: L = log(amplitude + 1),
            border mirrored about the outermost value.

    Returns (N, H, width, 2), computed in float32 (float64 for float64). A zero coefficient has phase zero.
    """
    check_complex("spectral_residual", "spectrum", spectrum)
    half = spectrum.shape[2]
    if width < 1 or width // 2 + 1 != half:
        raise ValueError(f"spectral_residual: `width` must be {2 * half - 2} or {2 * half - 1}, got {width}")
    return _op(spectrum, width, opencv)
