"""Layer, group, instance and RMS normalisation in one form."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, fx

from pyxai.capture.calls import instance_norm
from pyxai.propagation.walk import Tape

aten = torch.ops.aten


@dataclass(frozen=True)
class Norm:
    """(x - mean) / √(variance + epsilon) · weight + bias, with moments over part of each image's values.

    RMS normalisation (Zhang & Sennrich 2019) takes zero for the mean.

    Attributes:
        dims: dimensions of :meth:`shaped` values that moments are taken over.
        groups: how many groups the channels fall into, 0 for one each; None where values keep their shape.
        weight, bias: shaped to multiply unshaped values; None where there is none.
        centres: whether the mean is subtracted.
    """

    dims: list[int]
    groups: int | None
    weight: Tensor | None
    bias: Tensor | None
    epsilon: float
    centres: bool = True

    def shaped(self, values: Tensor) -> Tensor:
        """``values`` with what moments are taken over in ``dims``."""
        if self.groups is None:
            return values
        return values.reshape(len(values), self.groups or values.shape[1], -1)

    def weighted(self, values: Tensor) -> Tensor:
        return values if self.weight is None else values * self.weight

    def centred(self, shaped: Tensor) -> Tensor:
        """Shaped values without their mean: its own transpose."""
        return shaped - shaped.mean(self.dims, keepdim=True) if self.centres else shaped

    def parts(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Centred shaped values, and one by their deviation."""
        centred = self.centred(self.shaped(values))
        return centred, (centred.square().mean(self.dims, keepdim=True) + self.epsilon).rsqrt()


def norm(node: fx.Node, tape: Tape) -> Norm:
    """The normalisation a call of ``layer_norm``, ``rms_norm``, ``group_norm`` or ``instance_norm`` does."""
    defaults = (None, None, None, None, 1e-5)
    arguments = fx.node.map_arg(node.args, tape.values.get)
    if node.target is aten.rms_norm.default:
        _, shape, weight, epsilon = (*arguments, None, None)[:4]
        epsilon = torch.finfo(node.meta["val"].dtype).eps if epsilon is None else epsilon
        return Norm(list(range(-len(shape), 0)), None, weight, None, epsilon, centres=False)
    if node.target is instance_norm:
        _, weight, bias, epsilon = arguments
        groups: int | None = 0
    else:
        _, groups, weight, bias, epsilon = (*arguments, *defaults[len(arguments) :])[:5]
    if node.target is aten.layer_norm.default:
        return Norm(list(range(-len(groups), 0)), None, weight, bias, epsilon)
    unflat = (-1, *[1] * (node.meta["val"].ndim - 2))
    weight, bias = (None if part is None else part.reshape(unflat) for part in (weight, bias))
    return Norm([-1], groups, weight, bias, epsilon)
