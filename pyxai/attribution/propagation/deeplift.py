"""DeepLIFT: differences of the output from that of a baseline, shared out among the differences of pixels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, fx

from pyxai.attribution.baselines import Baseline, baselines
from pyxai.attribution.batch import Batch, Maps
from pyxai.attribution.propagation import operations
from pyxai.attribution.propagation.baseline_tapes import BaselineTapes
from pyxai.attribution.propagation.deeplift_choices import (
    Choice,
    CrossMaximum,
    CrossMaxPool,
    Jump,
    Larger,
)
from pyxai.attribution.propagation.deeplift_linear import (
    Cast,
    Channelwise,
    Interpolation,
    Joined,
    Mixing,
    Rearrangement,
    Scale,
    Selection,
    Sum,
)
from pyxai.attribution.propagation.deeplift_rules import (
    Normalisation,
    Product,
    Quotient,
    Rescale,
    RescaleReLU,
    Softmax,
    VectorNorm,
)
from pyxai.attribution.propagation.linear import (
    AFFINE,
    BICUBIC,
    CONVOLUTIONS,
    DENSE,
    is_linear,
    linear_layer,
)
from pyxai.attribution.propagation.multipliers import MultiplierRule, Multipliers, PairedTape
from pyxai.attribution.propagation.norms import is_norm
from pyxai.attribution.propagation.relevance import one_hot
from pyxai.attribution.propagation.reveal_cancel import Magnitudes, RevealCancel, RevealCancelReLU
from pyxai.attribution.propagation.walk import Propagation, Step, Tape, Walk, constants, varying_steps
from pyxai.attribution.registry import register
from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor
from pyxai.checks import expect, non_negative, one_of

aten = torch.ops.aten

CURE = "use a method that asks for gradients only, such as integrated_gradients"
RULES = ("rescale", "reveal_cancel", "mixed")
FUNCTIONS = (
    *operations.ACTIVATIONS,
    *operations.INVERSES,
    aten.cos.default,
    aten.exp.default,
    aten.log.default,
    aten.log_sigmoid.default,
    aten.pow.Tensor_Scalar,
)


@register("deeplift", family="propagation", needs="graph")
class DeepLIFT:
    """Difference of the score from a baseline's, shared out by DeepLIFT (Shrikumar et al. 2017; DeepSHAP).

    Attributes:
        rule: of activations: ``rescale``; ``reveal_cancel``, which treats positive and negative contributions
            apart; ``mixed``, the second behind dense layers and the first elsewhere, as the authors advise.
        baseline: see :func:`pyxai.attribution.baselines.baselines`; of several the mean is returned
            (DeepSHAP).
        low: value of a black pixel in the model's input space, for ``baseline="black"``.
        cache_bytes: memory for the activations of baselines that all images share; what does not fit is
            computed anew for every model call.

    ``expected`` is f(image) - mean f(baseline). Normalise, sigmoid or softmax layers behind the class scores
    are better left out: explain the logit.
    """

    rule: Literal["rescale", "reveal_cancel", "mixed"] = "rescale"
    baseline: Baseline = 0.0
    low: float | tuple = 0.0
    cache_bytes: int = 2**30

    def __post_init__(self):
        one_of("rule", self.rule, RULES)
        non_negative("cache_bytes", self.cache_bytes)

    def rows_an_image(self) -> int:
        return 1

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        whole = executor.program.dtype is None
        expect(whole, batch.method, "precision", "be 'fp32': differences lose what bf16 rounds", "'bf16'")
        tapes = executor.program.prepared(self, lambda: self._prepare(executor, batch.method))
        starts = baselines(batch.method, self.baseline, self.low, batch.images)
        shared = self.baseline == "black" if isinstance(self.baseline, str) else len(starts[0]) == 1
        return _maps(tapes, starts, shared, executor, batch)

    def _prepare(self, executor: Executor, method: str) -> BaselineTapes:
        graph = elementary(executor.program.forward)
        return BaselineTapes(Walk(graph, _Multiplication(graph, self.rule, method), False), self.cache_bytes)


class _Multiplication(Propagation):
    """DeepLIFT on one graph."""

    def __init__(self, module: fx.GraphModule, rule: str, method: str):
        self._rule = rule
        self._method = method
        self._constants = constants(module)
        nodes = list(module.graph.nodes)
        images = next(node for node in nodes if node.op == "placeholder")
        calls = [node for node in nodes if node.op == "call_function" and node not in self._constants]
        self._steps = {step.node: step for step in varying_steps(calls, images)}
        self._rules: dict[fx.Node, MultiplierRule] = {}
        self._magnitudes = Magnitudes(self._steps, self.rule)

    def rule(self, step: Step) -> MultiplierRule:
        if step.node not in self._rules:
            self._rules[step.node] = self._linear(step) or self._nonlinear(step)
        return self._rules[step.node]

    def join(self, node, first, second):
        return first or second, ()

    def add(self, node, first: Multipliers, second: Multipliers, tape: Tape) -> Multipliers:
        spreads = [part.spread for part in (first, second) if part.spread is not None]
        return Multipliers(first.mean + second.mean, sum(spreads[1:], spreads[0]) if spreads else None)

    def _linear(self, step: Step) -> MultiplierRule | None:
        target = step.node.target
        if is_linear(step, self._constants):
            layer = linear_layer(step, self._constants)
            if target in (*CONVOLUTIONS, *DENSE):
                return Mixing(layer)
            return Interpolation() if target in BICUBIC else Channelwise(layer)
        if target is aten.cat.default:
            return Joined()
        if target in operations.REARRANGEMENTS:
            return Rearrangement()
        if operations.is_cast(step, masks=True) or target is aten.detach.default:
            return Cast()
        if target in operations.SUMS:
            return Sum()
        if target in operations.SCALES and _varying_factors(step) == 1:
            if target is aten.div.Tensor and step.node.args[0] is not step.sources[0]:
                return None
            return Scale()
        chosen_alike = target in operations.SELECTIONS and step.node.args[0] not in step.sources
        return Selection() if chosen_alike else None

    def _nonlinear(self, step: Step) -> MultiplierRule:
        target = step.node.target
        if target in FUNCTIONS:
            return self._activation(step)
        if target in operations.MAX_POOLS:
            return CrossMaxPool()
        if target in operations.PRODUCTS:
            return Product()
        if target in operations.QUOTIENTS:
            return Quotient()
        if target in operations.SOFTMAXES:
            return Softmax(target in (aten.log_softmax.int, aten._log_softmax.default))
        if is_norm(step.node):
            return Normalisation()
        if target is aten.amax.default:
            return CrossMaximum()
        if target in (*operations.LARGER, *operations.SMALLER):
            return Larger()
        if target in operations.JUMPS and step.sources[0].meta["val"].is_floating_point():
            return Jump()
        if target in operations.SELECTIONS:
            return Choice()
        if target is aten.linalg_vector_norm.default and step.node.args[1] == 2:
            return VectorNorm()
        raise step.unsupported(self._method, CURE)

    def _activation(self, step: Step) -> MultiplierRule:
        if not _defined_everywhere(step.node):
            return Rescale()
        relu = step.node.target is aten.relu.default
        if self._rule == "reveal_cancel" or (self._rule == "mixed" and self._behind_dense(step)):
            return (RevealCancelReLU if relu else RevealCancel)(self._magnitudes)
        return RescaleReLU() if relu else Rescale()

    def _behind_dense(self, step: Step) -> bool:
        """Whether only scales, shifts and rearrangements lie between a dense layer and the step."""
        passed = (*AFFINE, *operations.REARRANGEMENTS, *operations.SCALES, *operations.SUMS)
        while len(step.sources) == 1 and step.sources[0] in self._steps:
            step = self._steps[step.sources[0]]
            if step.node.target not in passed:
                return step.node.target in DENSE and is_linear(step, self._constants)
        return False


def _defined_everywhere(node: fx.Node) -> bool:
    """Whether a function has a value at every number: RevealCancel asks for it anywhere."""
    if node.target is aten.pow.Tensor_Scalar:
        return node.args[1] >= 0 and float(node.args[1]).is_integer()
    return node.target not in (
        aten.log.default,
        aten.log1p.default,
        aten.sqrt.default,
        *operations.INVERSES,
    )


def _varying_factors(step: Step) -> int:
    return sum(argument in step.sources for argument in step.node.args if isinstance(argument, fx.Node))


def _maps(tapes: BaselineTapes, starts: list[Tensor], shared: bool, executor: Executor, batch: Batch) -> Maps:
    """Mean over the baselines ``starts``, each one for all images or one an image."""
    images, count = batch.images, batch.target.count
    maps = [torch.zeros_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    expected = torch.zeros(len(images), count, dtype=torch.float64, device=images.device)
    walk = tapes.walk
    for block in executor.blocks(len(images)):
        rows = images[block]
        tape = walk.forward(executor.fill(rows))
        logits = tape[walk.end]
        chosen = classes[block] = batch.target.choose(logits[: len(rows)], block)
        scores[block] = logits[: len(rows)].gather(1, chosen)
        for number, start in enumerate(starts):
            if shared:
                baseline = tapes.shared(executor, start, number)
            else:
                baseline = tapes.of_rows(executor, start.expand_as(images)[block])
            pair = PairedTape(tape, baseline)
            reached = baseline[walk.end].expand_as(logits)[: len(rows)].gather(1, chosen)
            expected[block] += (scores[block].double() - reached.double()) / len(starts)
            for t, whole in enumerate(maps):
                again = t < count - 1 or number < len(starts) - 1
                message = walk.backward(pair, Multipliers(one_hot(logits, chosen[:, t])), again)
                if message is not None:
                    whole[block] += _contributions(message, pair.difference(walk.images))[: len(rows)]
    return Maps(
        attribution=[whole / len(starts) for whole in maps],
        target=classes,
        score=scores,
        expected=expected,
        evaluations=torch.full((len(images),), len(starts), dtype=torch.int64, device=images.device),
    )


def _contributions(message: Multipliers, difference: Tensor) -> Tensor:
    if message.spread is None:
        return message.mean * difference
    return message.mean * difference + message.spread * difference.abs()
