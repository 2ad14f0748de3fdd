"""Methods that send relevance back through the network by a composite of rules."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.relevance import Relevance, relevance
from pyxai.propagation.lrp.relevances import Relevances
from pyxai.propagation.lrp.report import Report, relevance_report
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Tape, Walk


class ByRules(Method):
    """What the methods that are a composite of rules share."""

    needs = Needs.GRAPH

    of_score: ClassVar[bool] = True  # relevance starts with the score, else with 1

    def rules(self) -> Composite:
        """The composite the method's options stand for."""
        raise NotImplementedError

    def attribute(self, executor: Executor, request: Request) -> Maps:
        return relevance_maps(self._walk(executor), executor, request, self.of_score)

    def report(self, executor: Executor, request: Request) -> Report:
        """What every layer did with relevance; see :meth:`pyxai.Explainer.report`."""
        return relevance_report(
            self._walk(executor), executor, request.images, request.target.choose, self.of_score
        )

    def _walk(self, executor: Executor) -> Walk:
        return executor.program.prepared(self, lambda: self._prepare(executor))

    def _prepare(self, executor: Executor) -> Walk:
        graph = elementary(executor.program.forward)
        relevances = Relevances(graph, self.rules(), executor.program.dtype)
        end = list(graph.graph.nodes)[-1].args[0]
        walk = Walk(graph, relevances, form=end if self.of_score else None)
        relevances.check(walk.rules)
        return walk


def relevance_maps(walk: Walk, executor: Executor, request: Request, of_score: bool) -> Maps:
    """Relevance of every pixel for each target; what it starts with, less the biases' share, is ``expected``.

    Args:
        of_score: whether it starts with the score, else with 1.
    """
    images, count = request.images, request.target.count
    maps = [torch.empty_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    expected = torch.empty(len(images), count, dtype=torch.float64, device=images.device)
    for block in executor.blocks(len(images)):
        rows = images[block]
        tape = walk.forward(executor.fill(rows))
        logits = tape[walk.end]
        classes[block] = request.target.choose(logits[: len(rows)], block)
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
