"""What both directions of an obfuscation share: replacements, ends, checks, samples."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._noise import check_draws
from pyxai.ops._wavelets import check_filters, check_size, plane_shape, sample_filters, wavelet_layout
from pyxai.ops.normal_noise import normal_noise
from pyxai.ops.uniform_noise import uniform_noise

NOISES = ("normal", "uniform")
"""Standard normal, or uniform over (-1, 1)."""


def replacements(coefficients, centre, spread, index, ids, draws, layout, noise, seed) -> Tensor:
    """What stands in where the mask is 0, (R, C, K) in the dtype of ``centre``."""
    shape = coefficients.shape[1:]
    if noise == "normal":
        values = normal_noise(ids[index], draws, seed, shape)
    else:
        values = 2 * uniform_noise(ids[index], draws, seed, shape) - 1
    sizes = torch.tensor(layout.parts, device=centre.device)
    middle, width = (
        x[index].repeat_interleave(sizes, 1, output_size=layout.size)[:, None] for x in (centre, spread)
    )
    return middle + width * values.to(centre.dtype)


def scaled(unit: Tensor, black: Tensor, white: Tensor) -> Tensor:
    """``unit`` (..., C, H, W) in each channel's own units, in which 0 is ``black`` and 1 is ``white``."""
    return black[:, None, None] + unit * (white - black)[:, None, None]


def check_tensors(
    op, coefficients, centre, spread, index, ids, draws, filters, black, white, levels, size, noise
) -> tuple[Tensor, ...]:
    """The tensors both directions share, checked, real ones in the dtype of sums."""
    _rows.check_floating(op, "coefficients", coefficients)
    _rows.check_data(op, "coefficients", coefficients)
    if coefficients.dim() != 3:
        raise ValueError(f"{op}: `coefficients` must have shape (N, C, K), got {tuple(coefficients.shape)}")
    filters = check_filters(op, filters, coefficients)
    check_size(op, coefficients, wavelet_layout(*size, levels, filters.shape[1]))
    images, channels = coefficients.shape[:2]
    _rows.check_index(op, index, images, coefficients)
    _rows.check_integers(op, "ids", ids, images, coefficients)
    check_draws(op, draws, index.shape[0], coefficients)
    if noise not in NOISES:
        raise ValueError(f"{op}: `noise` must be one of {', '.join(NOISES)}, got {noise!r}")
    parts = (images, levels + 1)
    return (
        check_real(op, "centre", centre, parts, coefficients),
        check_real(op, "spread", spread, parts, coefficients),
        index,
        ids,
        draws,
        filters,
        check_real(op, "black", black, (channels,), coefficients),
        check_real(op, "white", white, (channels,), coefficients),
    )


def check_real(op: str, name: str, x: Tensor, shape: tuple[int, ...], like: Tensor) -> Tensor:
    """``x`` is floating, of this shape, on the device of ``like``; returned in the dtype of its sums."""
    _rows.check_floating(op, name, x)
    if x.shape != shape:
        raise ValueError(f"{op}: `{name}` must have shape {shape}, got {tuple(x.shape)}")
    _rows.check_device(op, name, x, like)
    return x.to(_rows.accumulate_dtype(like.dtype))


def settings(device, dtype, rows, shape):
    """Of three images: coefficients and mask, the tensors behind them, and the plain numbers."""
    images, sums = 3, _rows.accumulate_dtype(dtype)
    channels, height, width = plane_shape(shape)
    for taps, levels, noise in ((6, 2, "normal"), (2, 0, "uniform")):
        layout = wavelet_layout(height, width, levels, taps)
        real = {"device": device, "dtype": sums}
        ends = torch.zeros(channels, **real), torch.linspace(1, 3, channels, **real)
        tensors = (
            torch.rand(images, levels + 1, **real),
            torch.linspace(0, 0.3, images * (levels + 1), **real).reshape(images, levels + 1),
            torch.arange(rows, device=device) % images,
            torch.arange(images, device=device) * 0x123456789AB,
            torch.arange(rows, device=device),
            sample_filters(taps, device, dtype),
            ends[0] - 1,
            ends[1],
        )
        coefficients = torch.rand(images, channels, layout.size, device=device, dtype=dtype)
        mask = torch.rand(images, layout.size, **real)
        yield coefficients, mask, tensors, (levels, height, width, noise, 0x0123456789ABCDEF)
