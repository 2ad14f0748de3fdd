"""DeepLIFT's Rescale multiplier of a ReLU against the chain of torch calls it replaces."""

import torch

from benchmarks.ops import LAYERS, Case, Work, layer
from pyxai.ops import rescale_relu

WORK = Work(floats=17, integers=12)


def eager(multiplier, x, x0):
    difference = x - x0
    return multiplier * torch.where(difference == 0, x0 > 0, (x.relu() - x0.relu()) / difference)


def cases(device):
    for shape in LAYERS:
        multiplier, x, x0 = (
            layer(shape, device),
            layer(shape, device),
            layer((1, *shape[1:]), device),
        )
        yield Case(
            f"rescale_relu, {'×'.join(map(str, shape))}, one baseline",
            lambda m=multiplier, x=x, x0=x0: rescale_relu(m, x, x0),
            lambda m=multiplier, x=x, x0=x0: eager(m, x, x0),
            3 * x.nbytes + x0.nbytes,
        )
