"""Linear layers as the rules of LRP see them: a map that takes any weights, and its transpose.

A rule is a few forward passes and transposes of one layer with changed weights. Rules are written once,
against :class:`Layer`; :mod:`pyxai.attribution.propagation.linear` makes one of each kind of step.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from pyxai import ops
from pyxai.attribution.propagation.per_image import each_image, image_sums
from pyxai.attribution.propagation.walk import Step, Tape


class Layer:
    """value = weight · source + bias, for a constant weight and bias.

    Attributes:
        step: the call.
        source: its one argument that depends on the images.
        weight: the parameter, or a scalar 1 that multiplies the layer's own fixed weights.
        bias: shaped as ``forward`` takes it; None where there is none.
        nonnegative: whether the source is known never to be negative.
        precision: what rules whose sums cannot cancel may compute them in; None is the model's own dtype.
        lead: from one value of all pixels, or one a channel, to the source, (1, ...), where only scales,
            shifts and reorderings lie between it and the image; else None.
    """

    stacked: int | None = None  # dimension along which two sources, and two weights, can be stacked

    def __init__(self, step: Step, weight: Tensor, bias: Tensor | None = None):
        self.step = step
        self.source = step.sources[0]
        self.weight = weight
        self.bias = bias
        self.nonnegative = False
        self.precision: torch.dtype | None = None
        self.lead: Callable[[float | tuple], Tensor] | None = None
        self._boxes: dict[tuple, tuple[Tensor, Tensor, Tensor]] = {}
        self._weightings: dict[tuple[float, float, float], Weighting] = {}

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
        inputs = self.forward(self.real(tape), self._ones)
        return self.transpose(ops.stabilised_divide(amounts, inputs), self._ones, tape)

    def real(self, tape: Tape) -> Tensor:
        """1 where a value of the source is an input, 0 where it is padding the model put round the image."""
        if self.lead is None:
            return self.weight.new_ones((1, *tape.layouts[self.source][0][1:]))
        real = (self.lead(0.0) != self.lead(1.0)).to(self.weight.dtype)
        return each_image(self.source, real, tape)

    def box(self, low: float | tuple, high: float | tuple) -> tuple[Tensor, Tensor, Tensor]:
        """The bounds of the source where pixels lie in [low, high], and the least any sum can be with them.

        All (1, ...). The bounds are those of the images, a number or one a channel, mapped through
        :attr:`lead`.
        """
        key = low, high
        if key not in self._boxes:
            ends = [self.lead(bound) for bound in (low, high)]
            lower, upper = torch.minimum(*ends), torch.maximum(*ends)
            least = self.forward(lower, self.weight.clamp(min=0), self.bias)
            self._boxes[key] = lower, upper, least + self.forward(upper, self.weight.clamp(max=0))
        return self._boxes[key]

    @cached_property
    def _ones(self) -> Tensor:
        return torch.ones_like(self.weight)

    @cached_property
    def plain(self) -> Weighting:
        """The layer's own weights."""
        return Weighting(self, self.weight, self.weight, self.bias)

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

        def weighted(values: Tensor, upper: float, lower: float) -> Tensor:
            return all_terms * values + upper * values.clamp(min=0) + lower * values.clamp(max=0)

        key = all_terms, positive, negative
        if key not in self._weightings:
            bias = None if self.bias is None else weighted(self.bias, positive, negative)
            upper, lower = (
                weighted(self.weight, positive, negative),
                weighted(self.weight, negative, positive),
            )
            self._weightings[key] = Weighting(self, upper, lower, bias, self.precision)
        return self._weightings[key]


class Weighting:
    """A layer with changed weights, which may differ with the sign of the input.

    Args:
        layer: whose forward pass and transpose are used.
        upper, lower: weights for inputs that are positive, and for those that are negative.
        bias: the changed bias.
        precision: dtype to compute in; results are in that of what they are computed from.
    """

    def __init__(self, layer: Layer, upper: Tensor, lower: Tensor, bias: Tensor | None, precision=None):
        self.layer = layer
        self.bias = bias
        self._one_sided = upper is lower or layer.nonnegative
        self._precision = precision
        self._upper = upper if precision is None else upper.to(precision)
        self._lower = lower if precision is None else lower.to(precision)
        self._both = None
        if not self._one_sided and layer.stacked is not None:
            self._both = torch.cat([self._upper, self._lower], layer.stacked).contiguous(
                memory_format=_memory_format(upper)
            )

    @property
    def reads_source(self) -> bool:
        """Whether :meth:`multipliers` reads the layer's input."""
        return not self._one_sided

    def sums(self, values: Tensor, bias: bool = True) -> Tensor:
        """Σ_i of the weighted terms and the bias."""
        dtype = values.dtype
        values = values if self._precision is None else values.to(self._precision)
        shift = self.bias.to(values.dtype) if bias and self.bias is not None else None
        if self._one_sided:
            found = self.layer.forward(values, self._upper, shift)
        elif self._both is None:
            found = self.layer.forward(values.clamp(min=0), self._upper, shift)
            found = found + self.layer.forward(values.clamp(max=0), self._lower)
        else:
            halves = torch.cat([values.clamp(min=0), values.clamp(max=0)], self.layer.stacked)
            found = self.layer.forward(halves, self._both, shift)
        return found.to(dtype)

    def multipliers(self, quotients: Tensor, tape: Tape) -> Tensor:
        """Σ_j quotient_j · weight_ij for every input i, with the weight of the input's sign."""
        if not self._one_sided:
            upper, lower = self.halves(quotients, tape)
            return torch.where(tape[self.layer.source] > 0, upper, lower)
        narrowed = quotients if self._precision is None else quotients.to(self._precision)
        return self.layer.transpose(narrowed, self._upper, tape).to(quotients.dtype)

    def halves(self, quotients: Tensor, tape: Tape) -> tuple[Tensor, Tensor]:
        """What :meth:`multipliers` would be, were every input positive, and were every input negative."""
        narrowed = quotients if self._precision is None else quotients.to(self._precision)
        if self._both is None:
            halves = [self.layer.transpose(narrowed, weight, tape) for weight in (self._upper, self._lower)]
        else:
            halves = self.layer.transpose(narrowed, self._both, tape).chunk(2, self.layer.stacked)
        upper, lower = (half.to(quotients.dtype) for half in halves)
        return upper, lower

    def share(self, quotients: Tensor) -> Tensor | None:
        """What the bias takes of each image's relevance, (n,) float64; None without a bias."""
        return None if self.bias is None else self.layer.share(quotients, self.bias)


def _memory_format(weight: Tensor) -> torch.memory_format:
    return torch.channels_last if weight.ndim == 4 else torch.contiguous_format
