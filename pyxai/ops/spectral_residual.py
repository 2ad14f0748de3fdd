"""The two element-wise halves of spectral residual saliency, between and behind the Fourier transforms."""

import torch
import torch.nn.functional as F
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._elementary import exp_of, log_of

__all__ = ["spectral_energy", "spectral_residual"]

RESIDUAL = "spectral_residual(Tensor spectrum, int width, bool opencv) -> Tensor"
ENERGY = "spectral_energy(Tensor field, Tensor taps, bool opencv) -> Tensor"

FLOOR = 1 / 255
"""Amplitudes below one grey level count as one, so that an empty frequency has a logarithm."""


def _pad(planes: Tensor, reach: int, border: str) -> Tensor:
    """Planes (N, H, W) with ``reach`` more values on each side; where too few can be mirrored, the last."""
    height, width = planes.shape[1:]
    places = []
    for length in (height, width):
        place = torch.arange(-reach, length + reach, device=planes.device)
        if border == "reflect":
            place = place.abs()
            place = length - 1 - (length - 1 - place).abs()
        places.append(place.clamp(0, length - 1))
    if border == "zero":
        return F.pad(planes, (reach,) * 4)
    return planes[:, places[0]][:, :, places[1]]


def _root(x: Tensor) -> Tensor:
    """Square root, rounded to the nearest in float32 as processors do; torch's own is an ulp off at times."""
    return x.double().sqrt().to(x.dtype)


def _residual(spectrum: Tensor, width: int, opencv: bool) -> Tensor:
    sums = _rows.accumulate_dtype(spectrum.dtype)
    height = spectrum.shape[1]
    out = spectrum.new_empty(len(spectrum), height, width, 2, dtype=spectrum.dtype)
    if out.numel() == 0:
        return out
    half = spectrum.to(sums)
    rows = -torch.arange(height, device=spectrum.device) % height
    mirrored = half[:, rows][:, :, torch.arange(width - half.shape[2], 0, -1, device=spectrum.device)]
    full = torch.cat([half, mirrored * half.new_tensor([1.0, -1.0])], 2)
    amplitude = _root(full[..., 0] * full[..., 0] + full[..., 1] * full[..., 1])
    log = log_of(amplitude + 1 if opencv else amplitude.clamp(min=FLOOR))
    around = _pad(log, 1, "reflect" if opencv else "replicate")
    columns = around[:, :-2] + around[:, 1:-1] + around[:, 2:]
    mean = (columns[..., :-2] + columns[..., 1:-1] + columns[..., 2:]) / 9
    residual = exp_of(log - mean)
    empty = amplitude == 0
    scale = residual / amplitude.masked_fill(empty, 1)
    real = torch.where(empty, scale, full[..., 0] * scale)
    return out.copy_(torch.stack([real, full[..., 1] * scale], -1))


def _fake_residual(spectrum: Tensor, width: int, opencv: bool) -> Tensor:
    return spectrum.new_empty(*spectrum.shape[:2], width, 2)


def _residual_samples(device, dtype, rows, shape):
    height, half = (shape[0], max(1, shape[-1])) if len(shape) > 1 else (1, max(1, shape[0] // 4))
    spectrum = torch.randn(rows, height, half, 2, device=device, dtype=dtype).mul_(4)
    if spectrum.numel():
        spectrum[:, 0, 0] = 0
    for opencv in (False, True):
        yield spectrum, max(1, 2 * half - 2), opencv
        yield spectrum, 2 * half - 1, opencv


def _energy(field: Tensor, taps: Tensor, opencv: bool) -> Tensor:
    sums = _rows.accumulate_dtype(field.dtype)
    real, imaginary = field.to(sums).unbind(-1)
    energy = real * real + imaginary * imaginary
    out = torch.empty(field.shape[:3], dtype=field.dtype, device=field.device)
    if out.numel() == 0:
        return out
    padded = _pad(_root(energy) if opencv else energy, len(taps) // 2, "reflect" if opencv else "zero")
    smooth = sum(
        tap * part for tap, part in zip(taps, padded.unfold(2, len(taps), 1).unbind(-1), strict=True)
    )
    smooth = sum(
        tap * part for tap, part in zip(taps, smooth.unfold(1, len(taps), 1).unbind(-1), strict=True)
    )
    return out.copy_(smooth.square() if opencv else smooth)


def _fake_energy(field: Tensor, taps: Tensor, opencv: bool) -> Tensor:
    return field.new_empty(field.shape[:3])


def _energy_samples(device, dtype, rows, shape):
    height, width = (shape[0], shape[-1]) if len(shape) > 1 else (1, shape[0] // 2)
    field = torch.randn(rows, height, width, 2, device=device, dtype=dtype)
    for opencv, size in ((False, 13), (True, 5)):
        taps = torch.rand(size, device=device, dtype=_rows.accumulate_dtype(dtype))
        yield field, (taps + taps.flip(0)) / (2 * taps.sum()), opencv


_residual_op = define(RESIDUAL, reference=_residual, fake=_fake_residual, samples=_residual_samples)
_energy_op = define(ENERGY, reference=_energy, fake=_fake_energy, samples=_energy_samples)


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
    _check("spectral_residual", "spectrum", spectrum)
    half = spectrum.shape[2]
    if width < 1 or width // 2 + 1 != half:
        raise ValueError(f"spectral_residual: `width` must be {2 * half - 2} or {2 * half - 1}, got {width}")
    return _residual_op(spectrum, width, opencv)


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
    _check(op, "field", field)
    _rows.check_reals(op, "taps", taps, None, field)
    if len(taps) % 2 == 0:
        raise ValueError(f"{op}: `taps` must have odd length, got {len(taps)}")
    return _energy_op(field, taps.to(_rows.accumulate_dtype(field.dtype)), opencv)


def _check(op: str, name: str, planes: Tensor) -> None:
    _rows.check_floating(op, name, planes)
    _rows.check_data(op, name, planes)
    if planes.dim() != 4 or planes.shape[3] != 2:
        raise ValueError(f"{op}: `{name}` must have shape (N, H, W, 2), got {tuple(planes.shape)}")
