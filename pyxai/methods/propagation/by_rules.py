"""Methods that send relevance back through the network by a composite of rules."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, fx

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.propagation.elementary import elementary
from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.relevance import Relevance, relevance
from pyxai.propagation.lrp.relevances import Relevances
from pyxai.propagation.lrp.report import Report, relevance_report
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Tape, Walk


class ByRules(Method):
    """What the methods that are a composite of rules share."""

    needs = Needs.GRAPH
    volumes = True

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
        walk = Walk(graph, relevances, end if self.of_score else None, self.goal(executor, graph))
        relevances.check(walk.rules, to_images=walk.at is walk.images)
        return walk

    def goal(self, executor: Executor, graph: fx.GraphModule) -> fx.Node | None:
        """The value whose relevance is asked for; None for the images."""
        return None


def relevance_maps(walk: Walk, executor: Executor, request: Request, of_score: bool) -> Maps:
    """Relevance of every value that the walk goes back to, the pixels as a rule, for each target.

    What it starts with, less the biases' share, is ``expected``.

    Args:
        of_score: whether it starts with the score, else with 1.
    """

    def explain(rows: slice) -> Maps:
        part, maps = request[rows], []
        tape = walk.forward(executor.fill(part.images))
        logits = tape[walk.end]
        classes = part.target.choose(logits[: len(part)])
        scores = logits[: len(part)].gather(1, classes)
        expected = torch.empty_like(classes, dtype=torch.float64)
        for t, target in enumerate(classes.unbind(1)):
            start = Relevance(one_hot(logits, target), walk.end if of_score else None)
            message = walk.backward(tape, start, again=t < classes.shape[1] - 1)
            maps.append(walk.of_images(relevance(message, tape), executor.rows)[: len(part)])
            total = scores[:, t].double() if of_score else 1.0
            expected[:, t] = total - shares(tape, logits)[: len(part)]
        return Maps(maps, classes, scores, torch.ones_like(part.ids), expected)

    return by_blocks(executor, request.images, explain)


def shares(tape: Tape, logits: Tensor) -> Tensor:
    """What the biases of all steps took of each row's relevance, (n,) float64."""
    return sum(tape.shares.values(), logits.new_zeros(len(logits), dtype=torch.float64))
