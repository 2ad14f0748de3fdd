"""One :class:`Layer` for each kind of linear step."""

from __future__ import annotations

import math
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, fx

from pyxai import ops
from pyxai.capture.calls import channel_affine, spatial_mean
from pyxai.capture.fast import narrow
from pyxai.capture.vocabulary import AFFINE, AVERAGES, CONVOLUTIONS, DENSE
from pyxai.propagation import vjp
from pyxai.propagation.layers import Layer
from pyxai.propagation.per_image import image_sums
from pyxai.propagation.walk import Step

aten = torch.ops.aten

KINDS = {
    **dict.fromkeys(CONVOLUTIONS, "convolution"),
    **dict.fromkeys(DENSE, "dense"),
    **dict.fromkeys(AFFINE, "affine"),
    **dict.fromkeys(AVERAGES, "average"),
}


def kind(step: Step) -> str:
    """``convolution``, ``dense``, ``affine`` or ``average``: what the model has, however it is computed."""
    return step.node.meta.get("kind") or KINDS[step.node.target]


def is_linear(step: Step, constants: dict) -> bool:
    """Whether a step is of one of the kinds above, linear in its one source, with constant weights."""
    if step.node.target not in KINDS or len(step.sources) != 1 or step.node.args.count(step.sources[0]) != 1:
        return False
    return all(node in constants for node in step.constants)


def linear_layer(step: Step, constants: dict) -> Layer:
    """The layer a step of one of the kinds above is; its weights are among ``constants``."""
    arguments = [constants.get(part) if isinstance(part, fx.Node) else None for part in step.node.args]
    arguments += [None] * (3 - len(arguments))
    target = step.node.target
    if target in AVERAGES:
        return Average(step)
    if target is channel_affine:
        return Diagonal(step, *arguments[1:3])
    if target is aten.linear.default:
        return Dense(step, *arguments[1:3])
    if target is aten.conv2d.default:
        return Convolution(step, *arguments[1:3])
    position = 1 if step.node.args[0] is step.sources[0] else 0
    return Other(step, arguments[position], arguments[2], position)


class Convolution(Layer):
    """``conv2d``."""

    def __init__(self, step: Step, weight: Tensor, bias: Tensor | None = None):
        super().__init__(step, weight, bias)
        defaults = (None, None, None, [1, 1], [0, 0], [1, 1], 1)
        self._settings = (*step.node.args, *defaults[len(step.node.args) :])[3:]
        self._groups = self._settings[3]
        self.stacked = 1 if self._groups == 1 else None
        self._blocks: dict[int, tuple[Tensor, int]] = {}

    def forward(self, values, weight, bias=None):
        return torch.conv2d(values, weight, bias, *self._settings)

    def transpose(self, sums, weight, tape):
        stride, padding, dilation, groups = self._settings
        count, _, *size = tape.layouts[self.source][0]
        if narrow.suits(weight, *self._settings):
            if id(weight) not in self._blocks:
                self._blocks[id(weight)] = weight, *narrow.block_kernel(weight, stride[0], padding[0])
            _, kernel, first = self._blocks[id(weight)]
            return narrow.transposed(sums, kernel, first, stride[0], size)
        like = torch.empty(
            (count, groups * weight.shape[1], *size),
            dtype=sums.dtype,
            device=sums.device,
            memory_format=torch.channels_last,
        )
        settings = (stride, padding, dilation, False, (0, 0), groups, (True, False, False))
        return aten.convolution_backward(sums, like, weight, None, *settings)[0]

    def bias_terms(self, sums, bias):
        return sums * bias[:, None, None]

    def share(self, sums, bias):
        return image_sums(self.step.node, sums.sum((2, 3), keepdim=True).double() * bias[:, None, None])

    @cached_property
    def _window(self) -> Tensor:
        return self._ones[:1, :1]

    def equally(self, amounts, tape):
        if self._groups > 1:
            return super().equally(amounts, tape)
        channels, box = tape.layouts[self.source][0][1], self._window
        quotients = ops.stabilised_divide(amounts.sum(1, keepdim=True), self.inputs(tape))
        found = self.transpose(quotients, box, tape)  # all channels get the same
        return self.to_real(found.expand(-1, channels, -1, -1), tape)

    def inputs(self, tape):
        if self._groups > 1:
            return super().inputs(tape)
        return self.forward(self.real(tape).sum(1, keepdim=True), self._window)


class Dense(Layer):
    """``linear``."""

    stacked = -1

    def forward(self, values, weight, bias=None):
        return F.linear(values, weight, bias)

    def transpose(self, sums, weight, tape):
        return sums @ weight


class Diagonal(Layer):
    """``values · scale + shift``, a scale and a shift a channel: a BatchNorm of its own."""

    def forward(self, values, weight, bias=None):
        return values * weight if bias is None else channel_affine(values, weight, bias)

    def transpose(self, sums, weight, tape):
        return sums * weight


class Average(Layer):
    """Means, sums, pools, patches, interpolations: fixed weights, but for bicubic not negative."""

    def __init__(self, step: Step):
        value = step.node.meta["val"]
        super().__init__(step, torch.ones((), dtype=value.dtype, device=value.device))

    def forward(self, values, weight, bias=None):
        return self.step.node.target(values, *self.step.node.args[1:], **self.step.node.kwargs) * weight

    def transpose(self, sums, weight, tape):
        sums = sums if weight is self.weight else sums * weight
        if self.step.node.target is not spatial_mean:
            return vjp.transpose(self.step, sums, tape)[0]
        shape = tape.layouts[self.source][0]
        _, dims, keepdim = self.step.node.args
        sums = sums / math.prod(shape[dim] for dim in dims)
        if not keepdim:
            for dim in sorted(dim % len(shape) for dim in dims):
                sums = sums.unsqueeze(dim)
        return sums.expand(shape)


class Other(Layer):
    """A linear operation of a source and a weight, transposed by autograd.

    Args:
        position: of the weight among the call's arguments.
    """

    def __init__(self, step: Step, weight: Tensor, bias: Tensor | None, position: int):
        super().__init__(step, weight, bias)
        self._position = position

    def forward(self, values, weight, bias=None):
        arguments = list(self.step.node.args)
        arguments[self._position], arguments[1 - self._position] = weight, values
        if len(arguments) > 2 or bias is not None:
            arguments[2:3] = [bias]
        return self.step.node.target(*arguments, **self.step.node.kwargs)

    def transpose(self, sums, weight, tape):
        leaf = vjp.blank(tape, self.source, sums).requires_grad_(True)
        with torch.enable_grad():
            return torch.autograd.grad(self.forward(leaf, weight), leaf, sums)[0]

    def bias_terms(self, sums, bias):
        return sums * bias.reshape(-1, *[1] * (sums.ndim - 2))
