"""Eager models some of whose functions run as others, so that autograd gives what a method asks for.

Guided backpropagation is the gradient of a network with other ReLUs. LRP-0 is input × gradient of a network
in which each operation has the derivative that its rule stands for: the rules are those of
`docs/methods/propagation.md`, written down a second time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Exchange(TorchFunctionMode):
    """Runs the functions that a subclass names by what its :meth:`exchange` gives.

    Functions, methods and operators are known by their names without underscores: ``relu`` is ``torch.relu``,
    ``F.relu`` and ``Tensor.relu_``. What is done in place is done in place.
    """

    names: frozenset[str]

    def exchange(self, name: str, made: Tensor, first: Any, *others: Any, **settings: Any) -> Tensor:
        """What is returned in place of ``made``, the value of a function of ``first`` and others."""
        raise NotImplementedError

    def __torch_function__(self, func, types, args=(), kwargs=None):
        settings, name = dict(kwargs or {}), getattr(func, "__name__", "").strip("_")
        if name not in self.names:
            return func(*args, **settings)
        first, *others = args or (settings.pop("input"),)
        if not isinstance(first, Tensor):
            return self.exchange(name, func(first, *others, **settings), first, *others, **settings)
        before, written = first.clone(), first.clone()
        made = func(written, *others, **settings)
        found = self.exchange(name, made, before, *others, **settings)
        return first.copy_(found) if made is written else found


class Rectifiers(Exchange):
    """ReLUs that let only positive signals back: ReLU, ReLU6, leaky ReLU, clamps and hard tanhs from zero."""

    bounds = MappingProxyType({"clamp": "min", "clip": "min", "clamp_min": "min", "hardtanh": "min_val"})
    names = frozenset({"relu", "relu6", "leaky_relu", *bounds})

    def exchange(self, name, made, first, *others, **settings):
        if name in self.bounds:
            bound = others[0] if others else settings.get(self.bounds[name])
            if not isinstance(bound, int | float) or bound != 0:
                return made
        return PositiveSignal.apply(made)


class PositiveSignal(torch.autograd.Function):
    """The identity, whose gradient loses its negative part."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    def backward(ctx, signal):
        return signal.clamp(min=0)


class Relevances(Exchange):
    """Operations whose derivative is the multiplier that LRP-0 takes through them.

    Activations, and norms that subtract no mean, are the factor that they are at this value. Of two factors
    that both depend on the image each has half; one over a value is a constant, and so is a denominator.
    Layer and group normalisation have a constant deviation, attention is its two products and a softmax. All
    other operations have their own derivative. What has a gradient is what depends on the image.
    """

    # fmt: off
    factors = frozenset({
        "relu", "relu6", "leaky_relu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus",
        "tanh", "sigmoid", "hardsigmoid", "hardswish", "hardtanh", "clamp", "clip", "clamp_min", "clamp_max",
        "abs", "erf", "sqrt", "square", "normalize", "rms_norm",
    })
    # fmt: on
    elementwise = frozenset({"mul", "multiply", "rmul", "imul"})
    matrices = frozenset({"matmul", "bmm", "mm"})
    quotients = frozenset({"div", "divide", "truediv", "itruediv"})
    inverses = frozenset({"rsqrt", "reciprocal", "rdiv", "rtruediv"})
    others = frozenset(
        {"pow", "einsum", "softmax", "layer_norm", "group_norm", "scaled_dot_product_attention"}
    )
    names = factors | elementwise | matrices | quotients | inverses | others

    def exchange(self, name, made, first, *others, **settings):
        if not made.requires_grad:
            return made
        if name in self.factors or (name == "pow" and isinstance(others[0], int | float) and others[0] > 0):
            return _factor(first, made)
        if name in self.inverses or name == "pow":
            return made.detach()
        if name in self.elementwise:
            return _halves(torch.mul, first, others[0])
        if name in self.matrices:
            return _halves(torch.matmul, first, others[0])
        if name == "einsum":
            factors = others[0] if isinstance(others[0], list | tuple) else others
            return _halves(partial(torch.einsum, first), *factors) if len(factors) == 2 else made
        if name in self.quotients:
            return torch.div(first, others[0].detach()) if isinstance(others[0], Tensor) else made
        if name == "softmax":
            return _softmax(first, others[0] if others else settings["dim"])
        return getattr(self, name)(first, *others, **settings)

    @staticmethod
    def layer_norm(values, shape, weight=None, bias=None, eps=1e-5, *_):
        normalised = _normalised(values, list(range(-len(shape), 0)), eps)
        normalised = normalised if weight is None else normalised * weight
        return normalised if bias is None else normalised + bias

    @staticmethod
    def group_norm(values, groups, weight=None, bias=None, eps=1e-5, *_):
        normalised = _normalised(values.reshape(len(values), groups, -1), [-1], eps).reshape(values.shape)
        weight, bias = (part.reshape(-1, *[1] * (values.ndim - 2)) for part in (weight, bias))
        return normalised * weight + bias

    @staticmethod
    def scaled_dot_product_attention(query, key, value, attn_mask=None, *_, scale=None, **settings):
        if settings.get("is_causal"):
            raise NotImplementedError("causal attention")
        scores = _halves(torch.matmul, query, key.transpose(-2, -1)) * (scale or query.shape[-1] ** -0.5)
        if attn_mask is not None:
            masks = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, -math.inf) if masks else scores + attn_mask
        return _halves(torch.matmul, _softmax(scores, -1), value)


def _factor(first: Tensor, made: Tensor) -> Tensor:
    """``made`` as ``first`` times a constant; where ``first`` is zero, as a constant."""
    value, made = first.detach(), made.detach()
    return first * torch.where(value == 0, 0.0, made / value) + torch.where(value == 0, made, 0.0)


def _halves(product: Callable[[Tensor, Tensor], Tensor], first: Any, second: Any) -> Tensor:
    """A product of which each factor has half the derivative, or all of it where the other has none."""
    if not all(isinstance(factor, Tensor) and factor.requires_grad for factor in (first, second)):
        return product(first, second)
    return (product(first, second.detach()) + product(first.detach(), second)) / 2


def _softmax(values: Tensor, dim: int) -> Tensor:
    """Of one number it is a constant, and no factor."""
    return values.softmax(dim) if values.shape[dim] > 1 else values.softmax(dim).detach()


def _normalised(values: Tensor, dims: list[int], eps: float) -> Tensor:
    """``values`` without their mean, by a deviation that is a constant."""
    centred = values - values.mean(dims, keepdim=True)
    return centred / (centred.square().mean(dims, keepdim=True) + eps).sqrt().detach()
