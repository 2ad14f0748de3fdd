"""FEM's map against the chain of torch calls it replaces."""

from benchmarks.ops import FEATURES, Case, Work, layer
from pyxai.ops import fem

# Of a value, which is read four times: 2 for the scale, 3 and 5 for the moments, 6 for its mark.
WORK = Work(floats=16, integers=53)


def eager(values, k):
    first = values[:, :, :1, :1]
    values = values - first
    mean = values.mean((2, 3), keepdim=True)
    deviation = (values - mean).square_().mean((2, 3), keepdim=True).sqrt()
    marks = values >= mean + k * deviation
    return (marks.to(values.dtype) * (mean + first)).sum(1)


def cases(device):
    for shape in FEATURES:
        values = layer(shape, device).relu()
        yield Case(
            f"fem, {'×'.join(map(str, shape))}",
            lambda v=values: fem(v, 1.0, False, True),
            lambda v=values: eager(v, 1.0),
            values.nbytes,
        )
