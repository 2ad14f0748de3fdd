"""What a model's output means, decided once for every method.

A model's class scores are what its softmax is taken of; whether a map explains these or the probabilities is
decided here. So is what a single output stands for, and what a callable makes of an output.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from pyxai.capture.output.number import Call, numbers
from pyxai.checks import expect

Kind = Literal["auto", "scores", "probabilities", "value", "binary"]
KINDS: tuple[str, ...] = get_args(Kind)

_NAMES = {"softmax": "softmax", "log_softmax": "log-softmax", "sigmoid": "sigmoid"}
_DOUBTS = {  # of values that nothing was taken off, by the kind they are taken for
    "scores": (
        "the model's outputs lie between 0 and 1, as probabilities of labels do, and are explained as "
        "scores: output_kind='probabilities' or 'scores' says which they are without this warning"
    ),
    "value": (
        "the model's one output lies between 0 and 1, as a probability does, and is explained as a value: "
        "output_kind='probabilities' explains the classes (1 - p, p), 'value' says so without this warning"
    ),
    "binary": (
        "the model's outputs lie between 0 and 1, as probabilities do, and are taken for logits, of which "
        "those above 0 mean class 1: output_kind='probabilities' explains the classes (1 - p, p)"
    ),
}


@dataclass(frozen=True)
class Asked:
    """What is asked of a model's output.

    Attributes:
        kind: what it is said to mean; ``auto`` finds out.
        single: what one output per image is where it is not behind a sigmoid: a ``value``, or the logit of a
            ``binary`` decision.
        call: makes one number of an image's output, in place of a class.
    """

    kind: str = "auto"
    single: str = "value"
    call: Call | None = None


AUTO = Asked()


@dataclass(frozen=True)
class Output:
    """What a model's output means, and what of it is explained.

    Attributes:
        kind: ``scores`` of classes or labels, before any softmax or sigmoid; ``probabilities``, as the model
            returns them; a ``value``, the one number there is; ``binary``, the classes (-s, s) of a
            logit s.
        end: the function that the model's values come from: ``softmax``, ``log_softmax``, ``sigmoid``, or "".
        taken_off: whether what that function is taken of is explained in its place.
        single: whether there is one number for each image.
        call: makes one number of an image's output.
        doubt: what a user must know where the kind was told by values alone.
    """

    kind: str = "scores"
    end: str = ""
    taken_off: bool = False
    single: bool = False
    call: Call | None = None
    doubt: str = ""

    @property
    def rearranges(self) -> bool:
        """Whether :meth:`scores` changes anything."""
        return self.call is not None or (self.single and self.kind in ("binary", "probabilities"))

    def scores(self, values: Tensor) -> Tensor:
        """What is explained, (N, K), of the model's output (N, …), its end taken off where that is so."""
        if self.call is not None:
            return numbers(self.call, values)
        if self.single and self.kind == "binary":
            return torch.cat([-values, values], 1)
        if self.single and self.kind == "probabilities":
            return torch.cat([1 - values, values], 1)
        return values

    def width(self, values: Tensor) -> int:
        """How many columns :meth:`scores` has for such values."""
        if self.call is not None:
            return 1
        return 2 if self.rearranges else values.shape[1]

    def log_odds(self, scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Scores whose softmax is the probabilities of the classes, and the classes ``target`` (N,) of them.

        Of several labels, each with a probability of its own, the classes are the one explained and its
        complement. A value, which has no probability, is returned as it is, (N, 1).
        """
        if self.call is not None or self.kind == "value":
            return scores, target
        if self.kind == "binary":
            return scores / 2, target
        tiny = torch.finfo(scores.dtype).tiny
        if self.end == "sigmoid" and not self.single:
            label = scores.gather(1, target[:, None])
            if self.taken_off:
                return torch.cat([-label / 2, label / 2], 1), torch.ones_like(target)
            return torch.cat([1 - label, label], 1).clamp_min(tiny).log(), torch.ones_like(target)
        if self.kind == "probabilities" and self.end != "log_softmax":
            return scores.clamp_min(tiny).log(), target
        return scores, target

    def describe(self) -> str:
        """One line that says what is explained."""
        if self.kind == "value":
            said = "the model's one output"
        elif self.kind == "binary":
            below = ", what its sigmoid is taken of" if self.taken_off else ""
            logit = "the model's logit" if self.call else "the classes (-s, s) of the model's logit s"
            said = f"{logit}{below}"
        elif self.taken_off:
            said = f"what the model's {_NAMES[self.end]} is taken of"
        elif self.end == "log_softmax":
            said = "the model's log-probabilities, as returned"
        elif self.kind == "probabilities":
            said = "the model's probabilities, as returned"
        else:
            said = "the model's class scores, as returned"
        return f"{said}; the target is a callable of it" if self.call is not None else said

    def as_before_kinds(self) -> bool:
        """Whether older versions explained the same: (-s, s) of one number, all else as it is returned."""
        return not self.taken_off and (not self.single or self.kind == "binary")


def settle(asked: Asked, values: Tensor, end: str, fixed: str = "") -> Output:
    """What the output of a model means.

    Args:
        asked: what is asked of it.
        values: the model's output for some images, (n, …).
        end: the function the values are found to come from; "" where none is.
        fixed: why ``end`` cannot be taken off, where it cannot.

    Raises:
        ValueError: the output is not of the kind that is asked for.
    """
    kind, single = asked.kind, values.ndim == 2 and values.shape[1] == 1
    shape = tuple(values.shape)
    told, doubt = end, ""
    if not single:
        told = end or _told_by(values)
    if kind == "auto":
        if single:
            kind = "binary" if end == "sigmoid" else asked.single
        else:
            kind = "scores" if end or not told else "probabilities"
        if kind == "probabilities":
            doubt = (
                "the model's rows are probabilities, but they come from no softmax that can be taken off; "
                f"they are explained as they are: output_kind={kind!r} says so without this warning"
            )
        if fixed and end:
            kind = "probabilities"
            doubt = (
                f"the model ends in a {_NAMES[end]}, which is not taken off because the model runs as it is "
                f"({fixed}): output_kind={kind!r} says so without this warning"
            )
    if single:
        wanted = "be 'value', 'binary' or 'probabilities' for one output per image"
        expect(kind != "scores", "output_kind", wanted, repr(kind))
    else:
        wanted = "be 'scores' or 'probabilities' for several outputs per image"
        expect(kind in ("scores", "probabilities"), "output_kind", wanted, f"{kind!r} for shape {shape}")
    takes_off = bool(end) and kind in ("scores", "binary")
    expect(not (takes_off and fixed), "output_kind", f"be 'probabilities', for {fixed}", repr(kind))
    none_off = bool(told) and not takes_off and kind == "scores"
    wanted = "be 'probabilities' for rows that are such and come from no softmax that can be taken off"
    expect(not none_off, "output_kind", wanted, repr(kind))
    sure = takes_off or asked.kind in ("scores", "value")
    if kind in _DOUBTS and not sure and _like_probabilities(values):
        doubt = _DOUBTS[kind]
    if kind == "probabilities":
        inside = told == "log_softmax" or _within(values)
        low, high = (float(edge) for edge in torch.aminmax(values.detach().float()))
        got = f"values from {low:.4g} to {high:.4g}"
        expect(inside, "model", "return probabilities where `output_kind` says so", got)
        told = told or "sigmoid"
    elif not takes_off:
        told = ""
    return Output(kind, told, takes_off, single, asked.call, doubt)


def _tolerance(values: Tensor) -> float:
    """How far rounding, of the model or of its answer, takes the sum of probabilities from 1."""
    return 1e-4 if values.element_size() >= 4 else 2e-2


def _within(values: Tensor) -> bool:
    slack = _tolerance(values)
    return bool((values >= -slack).all() and (values <= 1 + slack).all())


def _like_probabilities(values: Tensor) -> bool:
    """Whether all values are such as probabilities are, and some are neither 0 nor 1."""
    real = values.is_floating_point() and bool(((values >= 0) & (values <= 1)).all())
    return real and bool(((values > 0) & (values < 1)).any())


def _told_by(values: Tensor) -> str:
    """Whether all rows look like probabilities of classes or their logarithms; "" where they do not."""
    if not len(values) or not values.is_floating_point():
        return ""
    slack = _tolerance(values)
    if _within(values) and bool(((values.sum(1) - 1).abs() <= slack).all()):
        return "softmax"
    logarithms = bool((values <= slack).all() and (values.logsumexp(1).abs() <= slack).all())
    return "log_softmax" if logarithms else ""
