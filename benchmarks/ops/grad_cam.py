"""Grad-CAM's map against the chain of torch calls it replaces, and not against an einsum, which is slower."""

from benchmarks.ops import FEATURES, Case, Work, layer
from pyxai.ops import grad_cam

WORK = Work(floats=3, integers=22)


def cases(device):
    for shape in FEATURES:
        values, gradient = layer(shape, device).relu(), layer(shape, device)
        yield Case(
            f"grad_cam, {'×'.join(map(str, shape))}",
            lambda v=values, g=gradient: grad_cam(v, g),
            lambda v=values, g=gradient: (v * g.mean((2, 3), keepdim=True)).sum(1),
            2 * values.nbytes,
        )
