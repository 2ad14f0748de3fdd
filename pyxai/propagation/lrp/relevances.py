"""Layer-wise relevance propagation as a walk: which rule each step of a graph takes."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, fx

from pyxai.capture import vocabulary
from pyxai.capture.derivative import is_flat
from pyxai.capture.split import before
from pyxai.checks import near, per_channel
from pyxai.propagation.layers import Layer
from pyxai.propagation.linear import is_linear, kind, linear_layer
from pyxai.propagation.lrp import operations, relevance
from pyxai.propagation.lrp.composites import Composite, fits
from pyxai.propagation.lrp.input_rules import Pass, ZBox
from pyxai.propagation.lrp.relevance import Relevance, RelevanceRule
from pyxai.propagation.lrp.rules import LinearRule
from pyxai.propagation.signs import nonnegative
from pyxai.propagation.steps import is_cast, is_complex, is_power
from pyxai.propagation.walk import Propagation, Step, constants

aten = torch.ops.aten

CURE = "give its module one: composite=Composite(...).at(name, Pass())"


class Linear(RelevanceRule):
    """A rule of LRP bound to one layer."""

    def __init__(self, rule: LinearRule, layer: Layer):
        rule.check(layer)
        self.rule = rule
        self.layer = layer

    def plan(self, step, form):
        return [(self.layer.source, self.rule.gives(self.layer))], self.rule.reads(self.layer, form)

    def backward(self, step, message, tape):
        return [self.rule.backward(self.layer, message, tape)]

    def losses(self, step, message, tape):
        return self.rule.losses(self.layer, message, tape)


class Relevances(Propagation):
    """LRP on one graph.

    Args:
        module: an elementary graph.
        composite: the rules.
        precision: see :class:`Layer`.
    """

    constant = staticmethod(is_flat)

    def __init__(
        self,
        module: fx.GraphModule,
        composite: Composite,
        precision: torch.dtype | None = None,
    ):
        self.composite = composite
        self._module = module
        self._precision = precision
        self._images = next(node for node in module.graph.nodes if node.op == "placeholder")
        self._constants = constants(module)
        self._nonnegative = nonnegative(module.graph, self._constants)
        self._lead = _lead(module, self._images, self._constants)
        self._last = _last(module)

    def rule(self, step: Step) -> RelevanceRule:
        """A named rule first, then the composite's for linear layers, then the operation's own."""
        node = step.node
        passes = isinstance(self.composite.named_rule(step.module), Pass)
        if is_complex(step) and not passes:
            raise step.unsupported(CURE)
        if (
            self.composite.first is not None
            and node in self._lead
            and node.target in vocabulary.SCALES_AND_SHIFTS
        ):
            return operations.Through()  # pixels map to pixels, and so does their relevance
        if is_linear(step, self._constants):
            return Linear(self._linear_rule(step), self._layer(step))
        if passes:
            return self._passing(step)
        rule = _operation(step, self.composite)
        if rule is None:
            raise step.unsupported(CURE)
        return rule

    @staticmethod
    def _passing(step: Step) -> RelevanceRule:
        (source, *others), where = step.sources, f"`{step.operation}` in `{step.module}`"
        if others:
            raise ValueError(f"`Pass` must be given to a step of one source, got {where}")
        before, after = (node.meta["val"].shape[1:] for node in (source, step.node))
        if before != after:
            raise ValueError(
                f"`Pass` must be given to a step that keeps the shape, got {where}: "
                f"{tuple(before)} to {tuple(after)}"
            )
        return operations.Through()

    def check(self, rules: dict[Step, RelevanceRule], to_images: bool = True) -> None:
        """Raise a :class:`ValueError` where a rule of the composite is taken by no step of ``rules``.

        Args:
            to_images: whether they are those of all steps down to the images, so that the first is there.
        """
        linear = [step for step, rule in rules.items() if isinstance(rule, Linear)]
        if to_images and isinstance(self.composite.first, ZBox) and not any(map(self._is_first, linear)):
            raise ValueError(
                "`first` must fit a layer, but no convolution or linear layer sees "
                "the image through scales, shifts and flips only"
            )
        modules = sorted({step.module for step in rules} - {""})
        for pattern, rule in self.composite.named:
            if not any(fits(pattern, module) for module in modules):
                raise ValueError(
                    f"`composite` must name modules that compute something, "
                    f"got {pattern!r}{near(pattern, modules)}"
                )
            if not isinstance(rule, Pass) and not any(fits(pattern, step.module) for step in linear):
                raise ValueError(
                    f"the rule for `{pattern}`, which has no linear layer, must be `Pass`, got {rule}"
                )

    def join(self, node, first, second):
        return relevance.join(node, first, second)

    def add(self, node, first: Relevance, second: Relevance, tape) -> Relevance:
        return relevance.add(node, first, second, tape)

    def reads(self, node, form):
        return relevance.relevance_reads(form)

    def _linear_rule(self, step: Step) -> LinearRule:
        return self.composite.rule(kind(step), step.module, self._is_first(step), step.node is self._last)

    def _is_first(self, step: Step) -> bool:
        passed = vocabulary.AFFINE | vocabulary.AVERAGES
        return step.sources[0] in self._lead and step.node.target not in passed

    def _layer(self, step: Step) -> Layer:
        layer = linear_layer(step, self._constants)
        layer.nonnegative = layer.source in self._nonnegative
        layer.precision = self._precision
        if layer.source in self._lead:
            layer.lead = partial(self._leading_value, layer.source)
        return layer

    def _leading_value(self, node: fx.Node, bound: float | tuple, name: str) -> Tensor:
        example = self._images.meta["val"]
        colour = per_channel(name, bound, example.shape[1], example)
        colour = colour.reshape(-1, *[1] * (example.ndim - 2))
        image = colour.expand(1, *example.shape[1:])
        return image if node is self._images else before(self._module, node)(image)


def _operation(step: Step, composite: Composite) -> RelevanceRule | None:
    """The rule of a step that is no linear layer; None where there is none."""
    target = step.node.target
    several = sum(source in step.sources for source in step.node.args if isinstance(source, fx.Node)) > 1
    if target in vocabulary.ACTIVATIONS or is_power(step.node):
        return operations.Through()
    if is_cast(step):
        return operations.Cast()
    if target is aten.cat.default:
        return operations.Joined()
    if target in vocabulary.REARRANGEMENTS:
        return operations.Rearrangement()
    if target in vocabulary.SUMS:
        positive = composite.sums == "positive"
        return operations.PositiveSum() if positive else operations.Sum(composite.stabiliser)
    if target in vocabulary.SCALES and not several:
        divides = target in vocabulary.QUOTIENTS and step.node.args[0] is not step.sources[0]
        return None if divides else operations.Scale()
    if target in vocabulary.PRODUCTS:
        return operations.Product(composite.product)
    if target in vocabulary.QUOTIENTS:
        return operations.Quotient()
    if target in vocabulary.MAX_POOLS:
        return operations.MaxPool()
    if target in vocabulary.SOFTMAXES | vocabulary.LOG_SOFTMAXES | operations.HOMOGENEOUS:
        return operations.Derivative()
    if target is aten.logsumexp.default:
        return operations.LogSumExp()
    if target in vocabulary.NORMALISATIONS:
        return operations.FrozenNorm()
    return operations.Selection() if target in vocabulary.SELECTIONS else None


def _lead(module: fx.GraphModule, images: fx.Node, constants: dict) -> set[fx.Node]:
    """The images and what is made of them by scales, shifts and rearrangements alone."""
    allowed = vocabulary.REARRANGEMENTS | vocabulary.SCALES_AND_SHIFTS
    lead = {images}
    for node in module.graph.nodes:
        tensors = [source for source in node.all_input_nodes if isinstance(source.meta.get("val"), Tensor)]
        sources = [source for source in tensors if source not in constants]
        if node.op != "call_function" or node.target not in allowed or not sources:
            continue
        once = node.target in vocabulary.REARRANGEMENTS or (
            node.args.count(sources[0]) == len(sources) == 1
            and (node.target not in vocabulary.QUOTIENTS or node.args[0] is sources[0])
        )
        if once and lead.issuperset(sources):
            lead.add(node)
    return lead


def _last(module: fx.GraphModule) -> fx.Node:
    """The step that makes the scores, rearrangements behind it left out."""
    node = list(module.graph.nodes)[-1].args[0]
    while node.target in vocabulary.REARRANGEMENTS and len(node.all_input_nodes) == 1:
        node = node.all_input_nodes[0]
    return node
