"""Guided backpropagation through a ReLU against the chain of torch calls it replaces."""

import torch

from benchmarks.ops import LAYERS, Case, Work, layer
from pyxai.ops import guided_relu_

WORK = Work(floats=3, integers=10)


def eager(value, signal):
    torch.minimum(signal, value, out=value)
    torch.ops.aten.threshold_backward.grad_input(signal, value, 0, grad_input=value)


def cases(device):
    for shape in LAYERS:
        value, signal = layer(shape, device), layer(shape, device).abs_()
        yield Case(
            f"guided_relu, {'×'.join(map(str, shape))}",
            lambda v=value, s=signal: guided_relu_(v, s),
            lambda v=value, s=signal: eager(v, s),
            3 * value.nbytes,
        )
