"""What the operators on wavelet coefficients share: how those are laid out, checks, samples.

The coefficients of a plane are one row: the low plane of the last level, then from the last level to the
first the three planes of details, high along the columns (PyWavelets' cH), along the rows (cV), along both
(cD). :func:`wavelet_layout` says where each lies.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.ops import _rows

MOST_LEVELS = 30


@dataclass(frozen=True)
class WaveletLayout:
    """Where the coefficients of a plane lie in its row.

    Attributes:
        planes: (rows, columns) of the plane itself and of each level's planes, level 1 next.
        parts: size of the low plane, then of each level's details, the last level's first.
    """

    planes: tuple[tuple[int, int], ...]
    parts: tuple[int, ...]

    @property
    def size(self) -> int:
        """Coefficients of a plane."""
        return sum(self.parts)

    def split(self, coefficients: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Views of (N, C, K) in the layout of pytorch-wavelets: ``yl`` (N, C, h, w) and for each level, the
        first one first, ``yh`` (N, C, 3, h, w).
        """
        low, *details = coefficients.split(self.parts, -1)
        details = [
            part.unflatten(-1, (3, *plane)) for part, plane in zip(details, self.planes[:0:-1], strict=True)
        ]
        return low.unflatten(-1, self.planes[-1]), details[::-1]

    def join(self, yl: Tensor, yh: list[Tensor]) -> Tensor:
        """The inverse of :meth:`split`."""
        return torch.cat([yl.flatten(2), *(details.flatten(2) for details in yh[::-1])], -1)


def wavelet_layout(height: int, width: int, levels: int, taps: int) -> WaveletLayout:
    """The layout for planes (height, width), ``levels`` levels and filters of ``taps`` taps."""
    planes = [(height, width)]
    for _ in range(levels):
        planes.append(tuple((length + taps - 1) // 2 for length in planes[-1]))
    sizes = [rows * columns for rows, columns in planes]
    return WaveletLayout(tuple(planes), (sizes[-1], *(3 * size for size in sizes[:0:-1])))


def check_size(op: str, coefficients: Tensor, layout: WaveletLayout) -> None:
    """``coefficients`` (N, C, K) hold as many values per channel as ``layout`` says."""
    if coefficients.shape[2] != layout.size:
        expected = f"(N, C, {layout.size})"
        raise ValueError(f"{op}: `coefficients` must have shape {expected}, got {tuple(coefficients.shape)}")


def check_levels(op: str, levels: int) -> None:
    if isinstance(levels, bool) or not isinstance(levels, int) or not 0 <= levels <= MOST_LEVELS:
        raise ValueError(f"{op}: `levels` must be a whole number from 0 to {MOST_LEVELS}, got {levels!r}")


def check_filters(op: str, filters: Tensor, like: Tensor) -> Tensor:
    """``filters`` are two of the same even length; in the dtype sums of ``like`` are formed in."""
    _rows.check_floating(op, "filters", filters)
    _rows.check_device(op, "filters", filters, like)
    if filters.dim() != 2 or filters.shape[0] != 2 or filters.shape[1] == 0 or filters.shape[1] % 2:
        raise ValueError(f"{op}: `filters` must have shape (2, F), F even, got {tuple(filters.shape)}")
    return filters.to(_rows.accumulate_dtype(like.dtype))


def plane_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, rows and columns that hold about as much as an element of any shape."""
    if len(shape) == 1:
        rows = next(n for n in range(int(max(shape[0], 1) ** 0.5), 0, -1) if shape[0] % n == 0)
        return 1, rows, max(1, shape[0] // rows)
    *channels, rows, columns = (1, *shape)
    count = torch.Size(channels).numel()
    return (count, rows, columns) if rows and columns else (0, max(1, rows), max(1, columns))


def sample_filters(taps: int, device, dtype) -> Tensor:
    """Filters of samples. No value is negative, so that nothing cancels and errors stay relative."""
    return torch.rand(2, taps, device=device, dtype=_rows.accumulate_dtype(dtype)) / taps**0.5
