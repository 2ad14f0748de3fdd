"""DeepLIFT: differences of the output from that of a baseline, shared out among the differences of pixels."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.checks import expect, non_negative
from pyxai.methods.baselines import Baseline, baselines
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.propagation.explained import Explained, classes_of
from pyxai.methods.request import Maps, Request
from pyxai.propagation.deeplift.baseline_tapes import BaselineTapes
from pyxai.propagation.deeplift.multiplication import ActivationRule, Multiplication
from pyxai.propagation.deeplift.multipliers import Multipliers, PairedTape
from pyxai.propagation.elementary import elementary
from pyxai.propagation.walk import Walk


class DeepLIFT(Method):
    """Difference of the score from a baseline's, shared out by DeepLIFT (Shrikumar et al. 2017; DeepSHAP).

    Attributes:
        rule: The rule of activation functions. ``rescale`` takes the quotient of the differences,
            ``reveal_cancel`` treats positive and negative contributions apart, ``mixed`` does so behind dense
            layers only, as the authors advise.
        baseline: What the image is compared with: as for ``integrated_gradients``. With several baselines the
            mean of their maps is returned (DeepSHAP).
        low: The value of a black pixel in the model's input space, one number or one for each channel. It is
            read for ``baseline="black"`` only; ``preprocess`` sets it, on the command line the model's own.
        cache_bytes: How many bytes of activations of baselines that all images share are kept. What does not
            fit is computed anew for every model call, with the same result.

    ``expected`` is f(image) - mean f(baseline). Normalise, sigmoid or softmax layers behind the class scores
    are better left out: explain the logit.
    """

    name = "deeplift"
    needs = Needs.GRAPH
    volumes = True

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
        return _maps(self, tapes, starts, shared, executor, request)

    def explained(self, executor: Executor, value: Tensor, request: Request) -> Explained:
        """What of the ``value`` that the walk starts from is explained."""
        return classes_of(value, request)

    def walk(self, executor: Executor, graph: fx.GraphModule) -> Walk:
        """From what is explained, where the graph ends, to what that is shared out among."""
        return Walk(graph, Multiplication(graph, self.rule), False, self.goal(executor, graph))

    def goal(self, executor: Executor, graph: fx.GraphModule) -> fx.Node | None:
        """The value that it is shared out among; None for the images."""
        return None

    def _prepare(self, executor: Executor) -> BaselineTapes:
        return BaselineTapes(self.walk(executor, elementary(executor.program.forward)), self.cache_bytes)


def _maps(
    method: DeepLIFT,
    tapes: BaselineTapes,
    starts: list[Tensor],
    shared: bool,
    executor: Executor,
    request: Request,
) -> Maps:
    """Mean over the baselines ``starts``, (1, C, H, W) each if they are ``shared``, else (N, C, H, W)."""
    walk = tapes.walk

    def explain(rows: slice) -> Maps:
        part = request[rows]
        tape = walk.forward(executor.fill(part.images))
        explained = method.explained(executor, tape[walk.end], part)
        scores, last = explained.scores(tape[walk.end]), len(starts) - 1
        maps: list[Tensor] = []
        expected = torch.zeros_like(scores, dtype=torch.float64)
        for number, start in enumerate(starts):
            if shared:
                baseline = tapes.shared(executor, start, number)
            else:
                baseline = tapes.of_rows(executor, start.expand_as(request.images)[rows])
            pair, found = PairedTape(tape, baseline), []
            reached = explained.scores(baseline[walk.end])
            expected += (scores.double() - reached.double()) / len(starts)
            for t, start in enumerate(explained.starts):
                again = t < len(explained.starts) - 1 or number < last
                message = walk.backward(pair, Multipliers(start), again)
                parts = walk.propagation.contributions(walk.at, message, pair)
                found.append(walk.of_images(parts, executor.rows)[: len(part)])
            maps = [total + own for total, own in zip(maps, found, strict=True)] if maps else found
        maps = [total / len(starts) for total in maps]
        return Maps(maps, explained.classes, scores, torch.full_like(part.ids, len(starts)), expected)

    return by_blocks(executor, request.images, explain)
