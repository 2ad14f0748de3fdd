"""LRP's stabilised quotient against the chain of torch calls it replaces."""

import torch

from benchmarks.ops import LAYERS, Case, Work, layer
from pyxai.ops import stabilised_divide

WORK = Work(floats=14, integers=12)


def eager(numerator, denominator, factor, epsilon):
    """As a rule is written by hand: the sign of zero counts as positive."""
    sign = torch.where(denominator < 0, -epsilon, epsilon)
    return (numerator if factor is None else numerator * factor) / (denominator + sign)


def cases(device):
    for shape in LAYERS:
        message, z, value = (layer(shape, device) for _ in range(3))
        for what, factor in (("", None), (" times the value", value)):
            yield Case(
                f"stabilised_divide{what}, {'×'.join(map(str, shape))}",
                lambda m=message, z=z, a=factor: stabilised_divide(m, z, a, 1e-6),
                lambda m=message, z=z, a=factor: eager(m, z, a, 1e-6),
                (3 if factor is None else 4) * message.nbytes,
            )
