"""FEM's map of a layer: where its channels are rarely as active."""

import torch
from torch import Tensor

from pyxai.ops import _rows
from pyxai.ops._define import define
from pyxai.ops._elementary import power_of_two, root_of
from pyxai.ops._lanes import sample_shape, sum_in_lanes

__all__ = ["fem"]

SCHEMA = "fem(Tensor values, float k, bool strict, bool weighted) -> Tensor"


def _reference(values: Tensor, k: float, strict: bool, weighted: bool) -> Tensor:
    x = values.to(_rows.accumulate_dtype(values.dtype)).flatten(2)
    if x.numel() == 0:
        return _fake(values, k, strict, weighted).zero_()
    scale = power_of_two(x.abs().amax(2, keepdim=True))
    x = x / scale  # exact, so that squares neither overflow nor vanish
    places, first = x.shape[2], x[..., :1]
    x = x - first  # so that a constant channel has no deviation, to the last bit
    mean = sum_in_lanes(x, 2)[..., None] / places
    deviation = root_of(sum_in_lanes((x - mean) * (x - mean), 2)[..., None] / places)
    limit = mean + k * deviation
    marks = (x > limit if strict else x >= limit).to(x.dtype)
    total = sum_in_lanes((mean + first) * scale * marks if weighted else marks, 1)
    return total.to(values.dtype).reshape(len(values), *values.shape[2:])


def _fake(values: Tensor, k: float, strict: bool, weighted: bool) -> Tensor:
    return values.new_empty(values.shape[0], *values.shape[2:])


def _samples(device, dtype, rows, shape):
    for k, strict, weighted in ((0.75, False, True), (1.5, True, True), (0.75, True, False)):
        yield torch.rand(rows, *sample_shape(shape), device=device, dtype=dtype), k, strict, weighted


_op = define(SCHEMA, reference=_reference, fake=_fake, samples=_samples)


def fem(values: Tensor, k: float, strict: bool, weighted: bool) -> Tensor:
    """For each place the sum of the means of the channels that are ``k`` deviations above their mean there.

    Fuad et al. 2020, "Features understanding in 3D CNNs for actions recognition in video". Mean and standard
    deviation, that of all values, are over a channel of an image and taken in two passes; a constant channel
    has deviation 0. Finite values of any size are compared rightly, also where squares of them overflow or
    vanish; a sum of means beyond the range of the dtype is infinite.

    Args:
        values: (N, C, H, W) floating. Fastest contiguous or channels_last.
        k: how many standard deviations above its mean a channel must be.
        strict: whether a value that is equal to that does not count.
        weighted: False to count the channels, whatever their means.

    Returns (N, H, W) in the dtype of ``values``, computed in float32 (float64 for float64). Not
    differentiable. Raises ``ValueError`` or ``TypeError`` for values of another form.
    """
    _rows.check_dimensions("fem", "values", values, 4, "(N, C, H, W)")
    if not isinstance(k, int | float):
        raise TypeError(f"fem: `k` must be a number, got {type(k).__name__}")
    if k != k:
        raise ValueError("fem: `k` must be a number, got nan")
    return _op(values, k, strict, weighted)
