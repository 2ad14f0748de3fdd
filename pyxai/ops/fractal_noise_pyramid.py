"""Pyramids of fractal noise: pictures of random spectra that fall off with a power of the frequency."""

import math

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._elementary import exp_of
from pyxai.ops._noise import check_draws, noise_of, signed_seed
from pyxai.ops._wavelets import plane_shape
from pyxai.ops.normal_noise import normal_of

__all__ = ["fractal_noise_pyramid"]

SCHEMA = (
    "fractal_noise_pyramid(Tensor ids, Tensor draws, Tensor amplitudes, Tensor mixing, int seed, int width, "
    "bool shared_spectrum, ScalarType dtype) -> Tensor"
)

# Beyond these the sigmoid is 0 or 1, and the exponential would leave the normal numbers.
_MOST = {torch.float32: 80.0, torch.float64: 700.0}


def _reference(ids, draws, amplitudes, mixing, seed, width, shared_spectrum, dtype):
    out = _fake(ids, draws, amplitudes, mixing, seed, width, shared_spectrum, dtype)
    if out.numel() == 0:
        return out
    _, levels, channels, height, _ = out.shape
    drawn = [1 if shared_spectrum else levels, channels, *amplitudes.shape[1:], 2]
    normal = torch.view_as_complex(noise_of(normal_of, ids, draws, seed, drawn, amplitudes.dtype))
    spectra = _symmetric(normal * amplitudes[:, None], width)
    planes = torch.fft.irfft2(spectra, s=(height, width), norm="forward")
    mixed = torch.stack([_weighted(planes, weights) for weights in mixing], 2)
    most = _MOST[amplitudes.dtype]
    return out.copy_(1 / (1 + exp_of(-mixed.clamp(-most, most))))


def _symmetric(spectra: Tensor, width: int) -> Tensor:
    """Columns that are their own mirror image as the transform of real values has them; changed in place.

    Left as drawn they would be no such spectrum, of which each library makes something else.
    """
    rows = -torch.arange(spectra.shape[-2], device=spectra.device) % spectra.shape[-2]
    for column in {0, width // 2} if width % 2 == 0 else {0}:
        values = spectra[..., column]
        spectra[..., column] = 0.5 * (values + values[..., rows].conj())
    return spectra


def _weighted(planes: Tensor, weights: Tensor) -> Tensor:
    total = weights[0] * planes[:, :, 0]
    for channel in range(1, len(weights)):
        total = total + weights[channel] * planes[:, :, channel]
    return total


def _fake(ids, draws, amplitudes, mixing, seed, width, shared_spectrum, dtype):
    levels, height = amplitudes.shape[:2]
    return ids.new_empty((ids.shape[0], levels, mixing.shape[0], height, width), dtype=dtype)


def _samples(device, dtype, rows, shape):
    channels, height, width = plane_shape(shape)
    sums = _rows.accumulate_dtype(dtype)
    ids, draws = torch.arange(rows, device=device) * 0x123456789AB, torch.arange(rows, device=device) % 4
    mixing = torch.rand(channels, channels, device=device, dtype=sums) / max(channels, 1)
    for levels, columns, shared in ((2, (width + 1) // 2, False), (3, (width + 1) // 2 + 1, True)):
        amplitudes = torch.rand(levels, height, columns // 2 + 1, device=device, dtype=sums)
        amplitudes /= max(1, height * columns) ** 0.5
        yield ids, draws, amplitudes, mixing, 0x0123456789ABCDEF, columns, shared, dtype


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def fractal_noise_pyramid(
    ids: Tensor,
    draws: Tensor,
    amplitudes: Tensor,
    mixing: Tensor,
    seed: int,
    width: int,
    shared_spectrum: bool,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Pictures in (0, 1) of fractal noise, of several levels for each row, (R, levels, C, H, W).

    Shi et al. 2023, "Understanding contributing neurons via attribution visualization", eq. 12 and 13: half a
    spectrum of complex normal numbers is multiplied by a level's amplitudes and transformed; channels are
    mixed, and a sigmoid brings them to (0, 1). :func:`pyxai.visualization.fractal_amplitudes` makes the
    amplitudes of that paper.

    The numbers of channel c of level d are those of :func:`pyxai.ops.normal_noise` for (id, draw) with the
    shape (levels, C, H, W // 2 + 1, 2), the last axis the real and the imaginary part. In column 0, and in
    the last one where W is even, each product is averaged with the conjugate of its mirror image, as spectra
    of real pictures have it: these columns have half the power they would have.

    Args:
        ids: (R,) int64, which sample a row belongs to. Its device is the result's.
        draws: (R,) int64 in [0, 2^32), which draw of that sample.
        amplitudes: (levels, H, W // 2 + 1) floating, what the spectra are multiplied by. Nothing is divided
            by the number of pixels behind them.
        mixing: (C, C) floating, channels of a picture (rows) out of those of the transform.
        seed: any 64-bit integer.
        width: W, columns of a picture.
        shared_spectrum: all levels of a row have the same normal numbers, those of the first. That is faster.
        dtype: float32 or another floating type of the result, computed in float32 (float64 for float64).

    Raises ``ValueError`` or ``TypeError`` for arguments that do not fit together.
    """
    op = "fractal_noise_pyramid"
    _rows.check_integers(op, "ids", ids, None, ids)
    check_draws(op, draws, ids.shape[0], ids)
    _rows.check_dimensions(op, "amplitudes", amplitudes, 3, "(levels, H, W // 2 + 1)")
    _rows.check_device(op, "amplitudes", amplitudes, ids)
    _rows.check_dimensions(op, "mixing", mixing, 2, "(C, C)")
    _rows.check_device(op, "mixing", mixing, ids)
    if mixing.shape[0] != mixing.shape[1]:
        raise ValueError(f"{op}: `mixing` must have shape (C, C), got {tuple(mixing.shape)}")
    half = amplitudes.shape[2]
    if width < 1 or width // 2 + 1 != half:
        raise ValueError(f"{op}: `width` must be {2 * half - 2} or {2 * half - 1}, got {width}")
    if dtype not in _rows.FLOATING:
        raise TypeError(f"{op}: `dtype` must be a floating point type, got {dtype}")
    if 2 * len(mixing) * math.prod(amplitudes.shape) > 2**34:
        raise ValueError(
            f"{op}: `amplitudes` must have at most 2^33 / C values, got {math.prod(amplitudes.shape)}"
        )
    sums = _rows.accumulate_dtype(dtype)
    seed = signed_seed(op, seed)
    return _op(ids, draws, amplitudes.to(sums), mixing.to(sums), seed, width, bool(shared_spectrum), dtype)
