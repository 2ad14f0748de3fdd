"""What every layer did with relevance: how much came, how much went on, and where the rest is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.propagation.lrp.relevance import Relevance, RelevanceRule, arriving
from pyxai.propagation.lrp.relevances import Linear
from pyxai.propagation.per_image import image_sums
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Step, Tape, Walk


@dataclass(frozen=True)
class LayerReport:
    """One step of the walk; all amounts (N,) float64, sums of relevance of an image.

    Attributes:
        module, operation: where and what it is.
        rule: the rule it took.
        arrived: relevance of its value.
        passed: relevance it gave to its sources.
        bias: what biases, and constants that act like one, kept.
        lost: the rest, ``arrived - passed - bias``; negative where relevance was made.
        reasons: what is known of it: reason to amount.
    """

    module: str
    operation: str
    rule: str
    arrived: Tensor
    passed: Tensor
    bias: Tensor
    lost: Tensor
    reasons: dict[str, Tensor]


@dataclass(frozen=True)
class Report:
    """Every step from the score back to the pixels; printed as a table of means over the images.

    Attributes:
        layers: one :class:`LayerReport` a step, in the order relevance goes.
        target, score: (N,), the class explained and what the model says for it.
    """

    layers: list[LayerReport]
    target: Tensor
    score: Tensor

    @property
    def bias_share(self) -> Tensor:
        """What all biases kept, by the score: (N,)."""
        return sum(layer.bias for layer in self.layers) / self.score.double()

    def __str__(self) -> str:
        head = f"{'module':32} {'operation':14} {'arrived':>11} {'passed':>11} {'bias':>11} {'lost':>11}  why"
        lines = [head, "-" * len(head)]
        for layer in self.layers:
            amounts = (layer.arrived, layer.passed, layer.bias, layer.lost)
            numbers = " ".join(f"{amount.mean().item():11.4g}" for amount in amounts)
            why = ", ".join(
                f"{reason} {amount.mean().item():.3g}" for reason, amount in layer.reasons.items()
            )
            lines.append(f"{layer.module[-32:]:32} {layer.operation[:14]:14} {numbers}  {why}")
        return "\n".join(lines)


def relevance_report(
    walk: Walk,
    executor: Executor,
    images: Tensor,
    choose: Callable[[Tensor, slice], Tensor],
    of_score: bool,
) -> Report:
    """The report of one target for each image.

    Args:
        choose: scores (n, K) of the images in a slice to their classes (n, 1).
        of_score: whether relevance starts with the score, else with 1.
    """
    parts: list[list[LayerReport]] = []
    scores, targets = [], []
    for block in executor.blocks(len(images)):
        rows = images[block]
        tape = walk.forward(executor.fill(rows), keep_all=True)
        logits = tape[walk.end]
        classes = choose(logits[: len(rows)], block)[:, 0]
        layers: list[LayerReport] = []

        def watch(step, rule, message, sent, layers=layers, tape=tape, rows=rows):
            layers.append(_layer_report(step, rule, message, sent, tape, len(rows)))

        start = Relevance(one_hot(logits, classes), walk.end if of_score else None)
        walk.backward(tape, start, again=True, watch=watch)
        parts.append(layers)
        targets.append(classes)
        scores.append(logits[: len(rows)].gather(1, classes[:, None])[:, 0])
    joined = [_joined(list(same)) for same in zip(*parts, strict=True)]
    return Report(joined, torch.cat(targets), torch.cat(scores))


def _layer_report(
    step: Step, rule: RelevanceRule, message, sent: dict, tape: Tape, count: int
) -> LayerReport:
    arrived = image_sums(step.node, arriving(message, tape))
    passed = sum(
        (image_sums(source, arriving(part, tape)) for source, part in sent.items()),
        torch.zeros_like(arrived),
    )
    bias = tape.shares.get(step, torch.zeros_like(arrived))
    reasons = rule.losses(step, message, tape)
    name = str(rule.rule) if isinstance(rule, Linear) else type(rule).__name__
    amounts = (arrived, passed, bias, arrived - passed - bias)
    first = {reason: image_sums(step.node, amount)[:count] for reason, amount in reasons.items()}
    return LayerReport(step.module, step.operation, name, *(amount[:count] for amount in amounts), first)


def _joined(layers: list[LayerReport]) -> LayerReport:
    amounts = {
        name: torch.cat([getattr(layer, name) for layer in layers])
        for name in ("arrived", "passed", "bias", "lost")
    }
    reasons = {reason: torch.cat([layer.reasons[reason] for layer in layers]) for reason in layers[0].reasons}
    return LayerReport(layers[0].module, layers[0].operation, layers[0].rule, reasons=reasons, **amounts)
