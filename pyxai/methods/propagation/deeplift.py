"""DeepLIFT: differences of the output from that of a baseline, shared out among the differences of pixels."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.elementary import elementary
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.checks import expect, non_negative
from pyxai.methods.baselines import Baseline, baselines
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.propagation.deeplift.baseline_tapes import BaselineTapes
from pyxai.propagation.deeplift.multiplication import ActivationRule, Multiplication
from pyxai.propagation.deeplift.multipliers import Multipliers, PairedTape
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Walk


class DeepLIFT(Method):
    """Difference of the score from a baseline's, shared out by DeepLIFT (Shrikumar et al. 2017; DeepSHAP).

    Attributes:
        rule: of activations: ``rescale``; ``reveal_cancel``, which treats positive and negative contributions
            apart; ``mixed``, the second behind dense layers and the first elsewhere, as the authors advise.
        baseline: see :func:`pyxai.methods.baselines.baselines`; of several the mean is returned
            (DeepSHAP).
        low: value of a black pixel in the model's input space, for ``baseline="black"``.
        cache_bytes: memory for the activations of baselines that all images share; what does not fit is
            computed anew for every model call.

    ``expected`` is f(image) - mean f(baseline). Normalise, sigmoid or softmax layers behind the class scores
    are better left out: explain the logit.
    """

    name = "deeplift"
    needs = Needs.GRAPH

    rule: ActivationRule = "rescale"
    baseline: Baseline = 0.0
    low: float | tuple = 0.0
    cache_bytes: int = 2**30

    def settle(self) -> None:
        non_negative("cache_bytes", self.cache_bytes)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        whole = executor.program.dtype is None
        expect(whole, "precision", "be 'fp32': differences lose what bf16 rounds", "'bf16'")
        tapes = executor.program.prepared(self, lambda: self._prepare(executor))
        starts = baselines(self.baseline, self.low, request.images)
        shared = self.baseline == "black" if isinstance(self.baseline, str) else len(starts[0]) == 1
        return _maps(tapes, starts, shared, executor, request)

    def _prepare(self, executor: Executor) -> BaselineTapes:
        graph = elementary(executor.program.forward)
        return BaselineTapes(Walk(graph, Multiplication(graph, self.rule), False), self.cache_bytes)


def _maps(
    tapes: BaselineTapes, starts: list[Tensor], shared: bool, executor: Executor, request: Request
) -> Maps:
    """Mean over the baselines ``starts``, each one for all images or one an image."""
    images, count = request.images, request.target.count
    maps = [torch.zeros_like(images) for _ in range(count)]
    scores = images.new_empty(len(images), count)
    classes = torch.empty(len(images), count, dtype=torch.int64, device=images.device)
    expected = torch.zeros(len(images), count, dtype=torch.float64, device=images.device)
    walk = tapes.walk
    for block in executor.blocks(len(images)):
        rows = images[block]
        tape = walk.forward(executor.fill(rows))
        logits = tape[walk.end]
        chosen = classes[block] = request.target.choose(logits[: len(rows)], block)
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
