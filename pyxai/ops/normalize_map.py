"""Maps rectified and brought to a range, each by its own least and greatest value."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define

__all__ = ["normalize_map"]

SCHEMA = "normalize_map(Tensor maps, bool relu, str range) -> Tensor"
_RANGES = ("none", "min_max", "max")


def _reference(maps: Tensor, relu: bool, range: str) -> Tensor:
    out = _rows.new_rows(maps, len(maps))
    if maps.numel() == 0:
        return out
    x = maps.to(_rows.accumulate_dtype(maps.dtype))
    x = x.clamp(min=0) if relu else x
    if range == "min_max":
        least, greatest = x.aminmax(dim=1, keepdim=True)
        factor = torch.where(greatest - least < torch.inf, 1.0, 0.5).to(x.dtype)
        x = x * factor - least * factor  # halves, where the distance is beyond the range of numbers
    greatest = x.amax(1, keepdim=True)
    divided = (greatest > 0) & (range != "none")
    return out.copy_(torch.where(divided, x / greatest.where(divided, 1), x))


def _fake(maps: Tensor, relu: bool, range: str) -> Tensor:
    return _rows.new_rows(maps, maps.shape[0])


def _samples(device, dtype, rows, shape):
    for relu, range in ((True, "min_max"), (False, "min_max"), (True, "max"), (True, "none")):
        maps = torch.randn(rows, *shape, device=device, dtype=dtype).flatten(1)
        yield maps, relu, range


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def normalize_map(maps: Tensor, relu: bool, range: str) -> Tensor:
    """Maps whose negative values become zero, if wanted, and which are then brought to a range.

    Args:
        maps: (N, P) floating.
        relu: whether negative values become zero.
        range: ``min_max`` for [0, 1], by the least and the greatest value of a map, where a constant map
            becomes zero; ``max`` for a division by its greatest value, where that is positive; ``none``.

    Returns (N, P) in the dtype of ``maps``, computed in float32 (float64 for float64). A value that is no
    number stays so, and in ``min_max`` makes all of its map so. ``min_max`` is right for all finite values;
    what ``max`` divides may become infinite where a negative value is that much larger than the greatest.
    Not differentiable. Raises ``ValueError`` or ``TypeError`` for arguments of another form.
    """
    op = "normalize_map"
    _rows.check_dimensions(op, "maps", maps, 2, "(N, P)")
    if range not in _RANGES:
        raise ValueError(f"{op}: `range` must be one of {', '.join(_RANGES)}, got {range!r}")
    return _op(maps, relu, range)
