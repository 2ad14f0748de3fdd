"""DeepLIFT's RevealCancel multipliers of a ReLU against the chain of torch calls they replace."""

import torch

from benchmarks.ops import LAYERS, Case, Work, layer
from pyxai.ops import reveal_cancel_relu

WORK = Work(floats=76, integers=18)


def eager(mean, spread, x, x0, magnitude):
    difference = x - x0
    positive, negative = (difference + magnitude) / 2, (difference - magnitude) / 2
    start, end, high, low = x0.relu(), x.relu(), (x0 + positive).relu(), (x0 + negative).relu()
    up = torch.where(positive == 0, 0, (high - start + end - low) / positive)
    down = torch.where(negative == 0, 0, (low - start + end - high) / negative)
    above, below = (mean + spread) * up, (mean - spread) * down
    return (above + below) / 4, (above - below) / 4


def cases(device):
    for shape in LAYERS:
        mean, spread, x = (layer(shape, device) for _ in range(3))
        x0 = layer((1, *shape[1:]), device)
        magnitude = (x - x0).abs() + 1
        yield Case(
            f"reveal_cancel_relu, {'×'.join(map(str, shape))}, one baseline",
            lambda m=mean, s=spread, x=x, x0=x0, a=magnitude: reveal_cancel_relu(m, s, x, x0, a),
            lambda m=mean, s=spread, x=x, x0=x0, a=magnitude: eager(m, s, x, x0, a),
            6 * x.nbytes + x0.nbytes,
        )
