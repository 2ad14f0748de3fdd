"""Linear layers as the rules of LRP see them: a map that takes any weights, and its transpose.

A rule is a few forward passes and transposes of one layer with changed weights. Rules are written once,
against :class:`Layer`; :mod:`pyxai.propagation.linear` makes one of each kind of step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from pyxai import ops
from pyxai.propagation.per_image import each_image, image_sums
from pyxai.propagation.walk import Step, Tape


class Layer:
    """value = weight · source + bias, for a constant weight and bias.

    Attributes:
        step: the call.
        source: its one argument that depends on the images.
        weight: the parameter, or a scalar 1 that multiplies the layer's own fixed weights.
        bias: shaped as ``forward`` takes it; None where there is none.
        nonnegative: whether the source is known never to be negative.
        precision: what rules whose sums cannot cancel may compute them in; None is the model's own dtype.
        lead: from one value of all pixels, or one for each channel, and the name it has in messages, to the
            source, (1, ...), where only scales, shifts and reorderings lie between it and the image; else
            None.
    """

    stacked: int | None = None  # dimension along which two sources, and two weights, can be stacked

    def __init__(self, step: Step, weight: Tensor, bias: Tensor | None = None):
        self.step = step
        self.source = step.sources[0]
        self.weight = weight
        self.bias = bias
        self.nonnegative = False
        self.precision: torch.dtype | None = None
        self.lead: Callable[[float | tuple, str], Tensor] | None = None
        self._boxes: dict[tuple, tuple[Tensor, Tensor, Tensor]] = {}
        self._weights: dict[tuple[float, float, float], Tensor] = {}
        self._biases: dict[tuple[float, float, float], Tensor] = {}
        self._stacks: dict[tuple[float, float, float], Tensor] = {}

    def forward(self, values: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The layer with these weights."""
        raise NotImplementedError

    def transpose(self, sums: Tensor, weight: Tensor, tape: Tape) -> Tensor:
        """The transpose of the layer with these weights, from the shape of its value to its source's."""
        raise NotImplementedError

    def bias_terms(self, sums: Tensor, bias: Tensor) -> Tensor:
        """``sums`` times the bias of their output."""
        return sums * bias

    def share(self, sums: Tensor, bias: Tensor) -> Tensor:
        """Σ sums · bias of each image: (n, ...) -> (n,) float64."""
        return image_sums(self.step.node, self.bias_terms(sums, bias))

    def equally(self, amounts: Tensor, tape: Tape) -> Tensor:
        """What each input gets where every output's amount is split equally among its real inputs."""
        quotients = ops.stabilised_divide(amounts, self.inputs(tape))
        return self.to_real(self.transpose(quotients, self._ones, tape), tape)

    def inputs(self, tape: Tape) -> Tensor:
        """How many real inputs each output has."""
        return self.forward(self.real(tape), self._ones)

    def real(self, tape: Tape) -> Tensor:
        """1 where a value of the source is an input, 0 where it is padding the model put round the image."""
        if self._real is None:
            return self.weight.new_ones((1, *tape.layouts[self.source][0][1:]))
        return each_image(self.source, self._real, tape)

    def to_real(self, values: Tensor, tape: Tape) -> Tensor:
        """``values`` of the source with zero at padding."""
        return values if self._real is None else values * each_image(self.source, self._real, tape)

    @cached_property
    def _real(self) -> Tensor | None:
        if self.lead is None:
            return None
        real = self.lead(0.0, "low") != self.lead(1.0, "high")
        return None if bool(real.all()) else real.to(self.weight.dtype)

    def box(self, low: float | tuple, high: float | tuple) -> tuple[Tensor, Tensor, Tensor]:
        """The bounds of the source where pixels lie in [low, high], and the least any sum can be with them.

        All (1, ...). The bounds are those of the images, a number or one a channel, mapped through
        :attr:`lead`.
        """
        key = low, high
        if key not in self._boxes:
            ends = self.lead(low, "low"), self.lead(high, "high")
            lower, upper = torch.minimum(*ends), torch.maximum(*ends)
            least = self.forward(lower, self.weight.clamp(min=0), self.bias)
            self._boxes[key] = lower, upper, least + self.forward(upper, self.weight.clamp(max=0))
        return self._boxes[key]

    @cached_property
    def _ones(self) -> Tensor:
        return torch.ones_like(self.weight)

    @property
    def plain(self) -> Weighting:
        """The layer's own weights."""
        return self.weighting(1.0, 0.0, 0.0)

    @property
    def positive(self) -> Weighting:
        """The positive terms of every sum."""
        return self.weighting(0.0, 1.0, 0.0)

    @property
    def negative(self) -> Weighting:
        """The negative terms of every sum."""
        return self.weighting(0.0, 0.0, 1.0)

    @cached_property
    def squares(self) -> Tensor:
        return self.weight.square()

    def weighting(self, all_terms: float, positive: float, negative: float) -> Weighting:
        """Every sum's terms times ``all_terms``, plus its positive and negative terms times these."""
        return Weighting(self, all_terms, positive, negative)

    def weights(self, all_terms: float, positive: float, negative: float) -> Tensor:
        """The weights of a :class:`Weighting` for positive inputs."""
        if (all_terms, positive, negative) == (1, 0, 0):
            return self.weight
        key = all_terms, positive, negative
        if key not in self._weights:
            changed = _changed(self.weight, *key)
            self._weights[key] = changed if self.precision is None else changed.to(self.precision)
        return self._weights[key]

    def changed_bias(self, all_terms: float, positive: float, negative: float) -> Tensor | None:
        """The bias of a :class:`Weighting`."""
        key = all_terms, positive, negative
        if self.bias is not None and key not in self._biases:
            self._biases[key] = _changed(self.bias, *key)
        return self._biases.get(key)

    def stacked_weights(self, all_terms: float, more: float, less: float) -> Tensor:
        """Weights with ``more`` for positive and ``less`` for negative terms, then those of the opposite."""
        key = all_terms, more, less
        if key not in self._stacks:
            halves = [_changed(self.weight, *key), _changed(self.weight, all_terms, less, more)]
            stack = torch.cat(halves, self.stacked).contiguous(memory_format=_memory_format(self.weight))
            self._stacks[key] = stack if self.precision is None else stack.to(self.precision)
        return self._stacks[key]


class Weighting:
    """A layer with changed weights, which differ with the sign of the input.

    A term's sign is that of weight times input: the weights for negative inputs are those of the opposite
    weighting for positive ones.

    Args:
        layer: whose forward pass and transpose are used.
        all_terms, positive, negative: see :meth:`Layer.weighting`.
    """

    def __init__(self, layer: Layer, all_terms: float, positive: float, negative: float):
        self.layer = layer
        self.bias = layer.changed_bias(all_terms, positive, negative)
        self._terms = all_terms, positive, negative
        self._opposite = all_terms, negative, positive
        self._alike = positive == negative
        self._one_sided = self._alike or layer.nonnegative
        self._swapped = positive < negative
        self._precision = None if self._alike else layer.precision

    @property
    def reads_source(self) -> bool:
        """Whether :meth:`multipliers` reads the layer's input."""
        return not self._one_sided

    def sums(self, values: Tensor, bias: bool = True) -> Tensor:
        """Σ_i of the weighted terms and the bias."""
        layer, dtype = self.layer, values.dtype
        values = values if self._precision is None else values.to(self._precision)
        shift = self.bias.to(values.dtype) if bias and self.bias is not None else None
        if self._one_sided:
            return layer.forward(values, layer.weights(*self._terms), shift).to(dtype)
        above, below = values.clamp(min=0), values.clamp(max=0)
        if layer.stacked is None:
            found = layer.forward(above, layer.weights(*self._terms), shift)
            found = found + layer.forward(below, layer.weights(*self._opposite))
        else:
            halves = torch.cat(self._ordered(above, below), layer.stacked)
            found = layer.forward(halves, self._stack, shift)
        return found.to(dtype)

    def multipliers(self, quotients: Tensor, tape: Tape) -> Tensor:
        """Σ_j quotient_j · weight_ij for every input i, with the weight of the input's sign."""
        if not self._one_sided:
            upper, lower = self.halves(quotients, tape)
            return torch.where(tape[self.layer.source] > 0, upper, lower)
        return self._transposed(quotients, self.layer.weights(*self._terms), tape)

    def halves(self, quotients: Tensor, tape: Tape) -> tuple[Tensor, Tensor]:
        """What :meth:`multipliers` would be, were every input positive, and were every input negative."""
        layer = self.layer
        if layer.stacked is None:
            terms = self._terms, self._opposite
            upper, lower = (self._transposed(quotients, layer.weights(*part), tape) for part in terms)
            return upper, lower
        return self._ordered(*self._transposed(quotients, self._stack, tape).chunk(2, layer.stacked))

    def _transposed(self, quotients: Tensor, weight: Tensor, tape: Tape) -> Tensor:
        narrowed = quotients if self._precision is None else quotients.to(self._precision)
        return self.layer.transpose(narrowed, weight, tape).to(quotients.dtype)

    @property
    def _stack(self) -> Tensor:
        """One tensor for this weighting and its opposite, whose halves change places."""
        return self.layer.stacked_weights(*(self._opposite if self._swapped else self._terms))

    def _ordered(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        return (second, first) if self._swapped else (first, second)

    def share(self, quotients: Tensor) -> Tensor | None:
        """What the bias takes of each image's relevance, (n,) float64; None without a bias."""
        return None if self.bias is None else self.layer.share(quotients, self.bias)


def _changed(values: Tensor, all_terms: float, positive: float, negative: float) -> Tensor:
    if (all_terms, positive, negative) == (1, 0, 0):
        return values
    changed = values.clamp(min=0).mul_(positive - negative)
    return changed.add_(values, alpha=all_terms + negative)


def _memory_format(weight: Tensor) -> torch.memory_format:
    return torch.channels_last if weight.ndim == 4 else torch.contiguous_format
