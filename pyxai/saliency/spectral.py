"""Saliency in the frequency plane: the spectral residual, the phase alone, and the spectra themselves."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from pyxai import ops
from pyxai.checks import naming, positive, whole
from pyxai.ops.spectral_residual import FLOOR
from pyxai.saliency.face import check_images, classical
from pyxai.saliency.planes import gaussian_taps, grey, grey_levels, resize, unit_peak, unit_range

REACH = 2.0  # of the paper's Gaussian in standard deviations: 11 taps for 2.5


@classical()
def spectral_residual(
    images: Tensor,
    variant: Literal["paper", "opencv"] = "paper",
    size: int | None = 64,
    sigma: float = 2.5,
    channels: Literal["grey", "mean"] = "grey",
) -> Tensor:
    """What the logarithm of the amplitude spectrum has beyond its local mean, brought back with the phase.

    S = g * |F⁻¹ exp(L - h * L + iφ)|², L = log |F I|, h a 3x3 mean (Hou & Zhang 2007, eq. 4-7; slides).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].
        variant: Whose form of the method. In ``paper`` a longer side above ``size`` is brought to it, g is a
            Gaussian as in the authors' code, and amplitudes below 1/255 count as 1/255. ``opencv`` does as
            ``cv2.saliency.StaticSaliencySpectralResidual``: 8-bit grey at ``size`` x ``size``, log(|F| + 1),
            a 5x5 kernel of sigma 8 before the square.
        size: The side of the working picture in pixels; ``paper`` works on it in float64. None keeps the
            image's own size and dtype.
        sigma: The standard deviation of g in ``paper``, in pixels of the working picture (the authors' text
            says 8, their code 2.5).
        channels: ``grey`` takes the map of the luma, ``mean`` the mean of the channels' maps.

    Returns (N, H, W) in [0, 1]. In ``paper`` each map, or each channel's, goes from 0 to 1. In ``opencv`` it
    has the largest value 1 before it is enlarged, as OpenCV's, and so at most 1.
    """
    opencv = variant == "opencv"
    taps = gaussian_taps(8.0, 2) if opencv else _paper_taps(sigma)
    working = (_opencv_picture if opencv else _working_picture)(images, size, channels)
    spectrum = torch.view_as_real(torch.fft.rfft2(working))
    residual = ops.spectral_residual(spectrum, working.shape[2], opencv)
    field = torch.view_as_real(torch.fft.ifft2(torch.view_as_complex(residual)))
    maps = ops.spectral_energy(field, taps.to(field.device, field.dtype), opencv)
    return _finish(maps, working, images, opencv)


@classical()
def phase(
    images: Tensor,
    size: int | None = 64,
    sigma: float = 2.5,
    channels: Literal["grey", "mean"] = "grey",
) -> Tensor:
    """The image whose spectrum has the phase of the image's and amplitude 1 throughout, squared and smoothed.

    S = g * |F⁻¹ e^{iφ}|² (Guo, Ma & Zhang 2008: nearly the spectral residual, and cheaper). Amplitudes below
    1/255 become 255 times as large, not 1: their phase is mostly rounding.

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].
        size: The longer side of the working picture in pixels, in float64. None keeps the image's own size
            and dtype.
        sigma: The standard deviation of the Gaussian g, in pixels of the working picture.
        channels: ``grey`` takes the map of the luma, ``mean`` the mean of the channels' maps.

    Returns (N, H, W) in [0, 1]; each map, or each channel's, goes from 0 to 1.
    """
    taps = _paper_taps(sigma)
    working = _working_picture(images, size, channels)
    spectrum = torch.fft.rfft2(working)
    whitened = spectrum / spectrum.abs().clamp(min=FLOOR)
    field = torch.fft.irfft2(whitened, s=working.shape[1:])
    field = torch.stack([field, torch.zeros_like(field)], -1)
    maps = ops.spectral_energy(field, taps.to(field.device, field.dtype), False)
    return _finish(maps, working, images)


@naming("amplitude_spectrum")
def amplitude_spectrum(images: Tensor) -> Tensor:
    """log(1 + |F I|) of the luma with frequency 0 in the middle (slides).

    Args:
        images: (N, 1 or 3, H, W) in [0, 1].

    Returns (N, H, W), not negative, in the images' dtype and at least in float32.

    Raises:
        ValueError, TypeError: ``images`` are none.
    """
    spectrum = torch.fft.fft2(_luma(images))
    return torch.fft.fftshift(spectrum.abs().log1p(), (1, 2))


@naming("phase_spectrum")
def phase_spectrum(images: Tensor) -> Tensor:
    """Angle of F I of the luma in [-π, π] with frequency 0 in the middle (slides).

    Arguments, shape, dtype and errors as for :func:`amplitude_spectrum`.
    """
    return torch.fft.fftshift(torch.fft.fft2(_luma(images)).angle(), (1, 2))


@naming("radial_amplitude")
def radial_amplitude(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of |F I| of the luma by frequency, to be held against the 1/f of natural images (slides).

    Arguments, dtype and errors as for :func:`amplitude_spectrum`.

    Returns frequencies (K,) in cycles per pixel and the mean amplitudes (N, K) in rings of one cycle an image
    about them. K is half of the longer side, rounded down: frequency 0 is left out, and so are the corners;
    a picture of one pixel has no rings.
    """
    planes = _luma(images)
    amplitude = torch.fft.fft2(planes).abs().flatten(1)
    longer = max(planes.shape[1:])
    down, right = (torch.fft.fftfreq(side, dtype=torch.float64, device="cpu") for side in planes.shape[1:])
    ring = ((down[:, None].square() + right.square()).sqrt() * longer).round().long().flatten() - 1
    count = longer // 2
    kept = ((ring >= 0) & (ring < count)).nonzero()[:, 0]
    ring, kept = ring[kept].to(planes.device), kept.to(planes.device)
    sums = amplitude.new_zeros(len(planes), count).index_add_(1, ring, amplitude[:, kept])
    frequency = torch.arange(1, count + 1, device=planes.device, dtype=amplitude.dtype) / longer
    return frequency, sums / torch.bincount(ring, minlength=count)


def _luma(images: Tensor) -> Tensor:
    check_images(images)
    return grey(images.detach().to(torch.promote_types(images.dtype, torch.float32)))


def _paper_taps(sigma: float) -> Tensor:
    positive("sigma", sigma)
    return gaussian_taps(sigma, max(1, round(REACH * sigma)))


def _working_picture(images: Tensor, size: int | None, channels: str) -> Tensor:
    """The planes to be transformed, (N or 3N, h, w).

    None is enlarged: whitening would make much of the frequencies that interpolation leaves all but empty.
    """
    planes = grey(images) if channels == "grey" else images.flatten(0, 1)
    if size is None:
        return planes
    whole("size", size, 2)
    height, width = planes.shape[1:]
    scale = min(1, size / max(height, width))
    return resize(planes.double(), max(1, round(scale * height)), max(1, round(scale * width)))


def _opencv_picture(images: Tensor, size: int | None, channels: str) -> Tensor:
    """The same as OpenCV makes them: whole numbers 0..255, its `INTER_LINEAR_EXACT`, not antialiased.

    Two rows make a new one, so only those are rounded to 8 bits. Weights are multiples of 1/256: nothing is
    rounded after that before the last step.
    """
    levels = grey_levels if channels == "grey" else lambda images: (images * 255).round().flatten(0, 1)
    if size is not None:
        whole("size", size, 2)
    if size is None or images.shape[2:] == (size, size):
        return levels(images)
    (rows, down), (columns, across) = (_neighbours(side, size) for side in images.shape[2:])
    upper, lower = levels(images.index_select(2, rows.to(images.device))).chunk(2, 1)
    planes = torch.lerp(upper, lower, down.to(upper)[:, None])
    pairs = columns.to(images.device).expand(*planes.shape[:2], -1)
    left, right = planes.gather(2, pairs).chunk(2, 2)
    return torch.lerp(left, right, across.to(left)).add_(0.5).floor_()


@lru_cache(maxsize=64)
def _neighbours(length: int, size: int) -> tuple[Tensor, Tensor]:
    """The pixels before and behind every new one, (2 size,), and the weights of the latter, (size,)."""
    new = torch.arange(size, dtype=torch.float64, device="cpu")
    place = ((new + 0.5) * (length / size) - 0.5).clamp(0, length - 1)
    before = place.floor()
    weights = torch.round((place - before) * 256) / 256
    return torch.cat([before, (before + 1).clamp(max=length - 1)]).long(), weights


def _finish(maps: Tensor, working: Tensor, images: Tensor, opencv: bool = False) -> Tensor:
    """Maps of the working pictures to maps of the images. A picture that came out flat has the zero map."""
    flat = working.amax((1, 2)) == working.amin((1, 2))
    maps = maps.masked_fill_(flat[:, None, None], 0)
    if opencv:  # scales before it enlarges
        maps = resize(unit_peak(maps).to(images.dtype), *images.shape[2:], antialias=False)
    else:
        maps = unit_range(resize(maps.to(images.dtype), *images.shape[2:]))
    return maps.view(len(images), -1, *images.shape[2:]).mean(1)
