"""Sums in the order of csrc/common/lanes.h."""

from torch import Tensor

_LANES = 16


def sum_in_lanes(x: Tensor, dim: int) -> Tensor:
    """The sum along ``dim``: element i is added to lane i % 16, then lanes are added in halves."""
    x = x.movedim(dim, 0)
    lanes = x.new_zeros(_LANES, *x.shape[1:])
    for part in x.split(_LANES):
        lanes[: len(part)] += part
    while len(lanes) > 1:
        lower, upper = lanes.chunk(2)
        lanes = lower + upper
    return lanes[0]


def sample_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(C, H, W) of a layer with about as many values as an element of ``shape`` has, for the samples."""
    if len(shape) == 1:
        channels = min(shape[0], 40)
        return channels, -(-shape[0] // 40), 1
    channels, height, *others = shape
    width = 1
    for size in others:
        width *= size
    return channels, height, width
