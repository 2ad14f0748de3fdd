"""Layer-wise relevance propagation."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from pyxai.attribution.batch import Batch, Maps
from pyxai.attribution.propagation.composites import Composite, Settings, named_composite
from pyxai.attribution.propagation.relevance import Relevance, one_hot, relevance
from pyxai.attribution.propagation.relevances import Relevances
from pyxai.attribution.propagation.report import Report, relevance_report
from pyxai.attribution.propagation.rules import STABILISER
from pyxai.attribution.propagation.walk import Tape, Walk
from pyxai.attribution.registry import register
from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor


class ByRules:
    """What the methods that are a composite of rules share."""

    of_score = True  # relevance starts with the score, else with 1

    def rules(self) -> Composite:
        """The composite the method's options stand for."""
        raise NotImplementedError

    def rows_an_image(self) -> int:
        return 1

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        return relevance_maps(self._walk(executor, batch.method), executor, batch, self.of_score)

    def report(self, executor: Executor, batch: Batch) -> Report:
        """What every layer did with relevance; see :meth:`pyxai.Explainer.report`."""
        return relevance_report(self._walk(executor, batch.method), executor, batch, self.of_score)

    def _walk(self, executor: Executor, method: str) -> Walk:
        return executor.program.prepared(self, lambda: self._prepare(executor, method))

    def _prepare(self, executor: Executor, method: str) -> Walk:
        graph = elementary(executor.program.forward)
        relevances = Relevances(graph, self.rules(), method, executor.program.dtype)
        end = list(graph.graph.nodes)[-1].args[0]
        walk = Walk(graph, relevances, form=end if self.of_score else None)
        relevances.check(walk.rules)
        return walk


@register("lrp", family="propagation", needs="graph")
class LRP(ByRules):
    """Layer-wise relevance propagation by a composite of rules (survey §5.1, eq. 11–15; Bach et al. 2015).

    Attributes:
        composite: rules by layer: ``epsilon``, ``epsilon_plus``, ``epsilon_plus_flat``,
            ``epsilon_gamma_box``, ``epsilon_alpha2_beta1``, ``epsilon_alpha2_beta1_flat``, ``preset_a`` (α1β0
            convolutions), ``preset_b`` (α2β1), all with ε for linear layers; or a :class:`Composite`.
        epsilon: of the ε-rule.
        gamma: of the γ-rule.
        low, high: least and greatest value of a pixel in the model's input space, a number or one a channel,
            for ``epsilon_gamma_box``.
        bias: what becomes of a bias's share: left with it (``absorb``), left out (``ignore``), or given to
            the inputs of its output in equal parts (``spread``).
        stabiliser: added to the denominators of all other rules, with their sign.

    Options but ``composite`` set the named composites. ``expected`` is the score less the biases' share; what
    else the residual shows was taken by ε or sat on zeros, see ``explainer.report``.
    """

    composite: str | Composite = "epsilon_plus_flat"
    epsilon: float = 1e-6
    gamma: float = 0.25
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    bias: Literal["absorb", "ignore", "spread"] = "absorb"
    stabiliser: float = STABILISER

    def __post_init__(self):
        self.rules()

    def rules(self) -> Composite:
        if isinstance(self.composite, Composite):
            return self.composite
        settings = Settings(self.epsilon, self.gamma, self.low, self.high, self.bias, self.stabiliser)
        return named_composite(self.composite, settings)


def relevance_maps(walk: Walk, executor: Executor, batch: Batch, of_score: bool) -> Maps:
    """Relevance of every pixel for each target; what it starts with, less the biases' share, is ``expected``.

    Args:
        of_score: whether it starts with the score, else with 1.
    """
    images, count = batch.images, batch.target.count
    maps = [torch.empty_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    expected = torch.empty(len(images), count, dtype=torch.float64, device=images.device)
    for block in executor.blocks(len(images)):
        rows = images[block]
        tape = walk.forward(executor.fill(rows))
        logits = tape[walk.end]
        classes[block] = batch.target.choose(logits[: len(rows)], block)
        scores[block] = logits[: len(rows)].gather(1, classes[block])
        for t, whole in enumerate(maps):
            start = Relevance(one_hot(logits, classes[block, t]), walk.end if of_score else None)
            message = walk.backward(tape, start, again=t < count - 1)
            if message is not None:
                whole[block] = relevance(message, tape)[: len(rows)]
            else:
                whole[block] = 0
            total = scores[block, t].double() if of_score else 1.0
            expected[block, t] = total - shares(tape, logits)[: len(rows)]
    evaluations = torch.ones(len(images), dtype=torch.int64, device=images.device)
    return Maps(maps, classes, scores, evaluations, expected)


def shares(tape: Tape, logits: Tensor) -> Tensor:
    """What the biases of all steps took of each row's relevance, (n,) float64."""
    return sum(tape.shares.values(), logits.new_zeros(len(logits), dtype=torch.float64))
