"""What the map of each method must be, found from the eager model by other means.

Each check asks explainers for maps of one, two and three images and gives a distance from what the eager
model says. It uses none of the package's arithmetic: the gradient is autograd's, sums are recomputed from
scores of the eager model, and guided backpropagation and LRP are autograd through the eager model some of
whose functions are exchanged while it runs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

import pyxai
from tests.sweep.exchange import Rectifiers, Relevances

COUNTS = (1, 2, 3)  # images of a batch
SINGLE = 1e-5  # how far maps may be apart where a network computes in single precision inside
FLOOR = 1e-3  # of a map's L1 norm, below which its sum is not looked at more closely than that


@dataclass(frozen=True)
class Subject:
    """A network, and what it is asked.

    Attributes:
        model: in evaluation mode and double precision; its parameters have no gradients, so that in what runs
            under autograd it is what depends on the images that has.
        images: (3, C, H, W) float64.
        targets: (3,) int64, a class for each.
        baseline: (C, H, W), where DeepLIFT starts.
        single: whether it computes in less than double precision inside.
    """

    model: nn.Module
    images: Tensor
    targets: Tensor
    baseline: Tensor
    single: bool

    def scores(self, images: Tensor) -> Tensor:
        """What the eager model says of some images, each for the target of its row."""
        with torch.no_grad():
            return logits(self.model, images).gather(1, self.targets[: len(images), None])[:, 0]


@dataclass(frozen=True)
class Check:
    """How the maps of one method are judged.

    Attributes:
        method: its name.
        options: those it is asked with.
        ask: explainer, images and targets to its answer.
        distance: how far the answer for the first images of a subject is from what it must be.
        tolerance: how far it may be; ``SINGLE`` if that is more and the network computes in single precision.
    """

    method: str
    options: Callable[[Subject], dict[str, Any]]
    ask: Callable[[pyxai.Explainer, Tensor, Tensor], Any]
    distance: Callable[[Subject, Any, int], float]
    tolerance: float


@dataclass(frozen=True)
class Outcome:
    """What became of one method on one network.

    Attributes:
        kind: ``works``; ``refused``, with one line that says why; ``differs``, where a map is not what it
            must be; ``fails``, where there is none and no such line.
        says: the line, or what is wrong.
        distances: number of images of a batch to distance.
        as_it_is: why the model was run as it is, "" where its graph was.
    """

    kind: Literal["works", "refused", "differs", "fails"]
    says: str = ""
    distances: dict[int, float] = field(default_factory=dict)
    as_it_is: str = ""


def judge(check: Check, subject: Subject) -> Outcome:
    """Ask for maps of each number of images, and compare."""
    bound = max(check.tolerance, SINGLE) if subject.single else check.tolerance
    answers, said, reasons = {}, [], set()
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            for count in COUNTS:
                explainer = pyxai.Explainer(subject.model, check.method, **check.options(subject))
                answers[count] = check.ask(explainer, subject.images[:count], subject.targets[:count])
                reasons.update(program["reason"] for program in explainer.info()["programs"])
    except Exception as error:
        return _unanswered(check, error)
    distances = {count: check.distance(subject, answer, count) for count, answer in answers.items()}
    apart = {count: distance for count, distance in distances.items() if not distance <= bound}
    as_it_is = "; ".join(sorted(reasons - {""}))
    if not apart:
        return Outcome("works", "", distances, as_it_is)
    far = ", ".join(f"{distance:.1e} for {count}" for count, distance in apart.items())
    warned = "; ".join(str(warning.message) for warning in said if warning.category is UserWarning)
    return Outcome("differs", f"by {far} images{warned and f', and warns: {warned}'}", distances, as_it_is)


def _unanswered(check: Check, error: Exception) -> Outcome:
    """Refused, if it is an error of the documented form: one line that begins with the method."""
    said = str(error)
    meant = isinstance(error, ValueError) and said.startswith(f"{check.method}: ") and "`" in said
    if meant and "\n" not in said:
        return Outcome("refused", said)
    return Outcome("fails", f"{type(error).__name__}: {said}".partition("\n")[0])


# --- the eager model ----------------------------------------------------------------------------------------


def logits(model: nn.Module, images: Tensor) -> Tensor:
    """(N, K), what a classifier of timm, torchvision or transformers gives; it may write into its images."""
    found = model(images.clone())
    return found if isinstance(found, Tensor) else found.logits


def own_gradient(subject: Subject, count: int, mode: AbstractContextManager | None = None) -> Tensor:
    """The gradient of the first images' targets by autograd through the eager model.

    A single image is doubled, and the first row is taken: torch's backward pass of BatchNorm in evaluation
    mode is wrong on CPUs for one image where memory formats are mixed.

    Args:
        mode: what the model runs under.
    """
    images, targets = subject.images[:count], subject.targets[:count]
    if count == 1:
        images, targets = images.repeat(2, 1, 1, 1), targets.repeat(2)
    leaf = images.clone().requires_grad_(True)
    with mode or nullcontext():
        scores = logits(subject.model, leaf)
    chosen = scores.gather(1, targets[:, None]).sum()
    return torch.autograd.grad(chosen, leaf)[0][:count]


class Casts(TorchFunctionMode):
    """Notes whether anything that depends on a tensor with a gradient is in less than double precision."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def __torch_function__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor) and value.requires_grad and value.dtype != torch.float64:
                self.found = True
        return result


def computes_in_single(model: nn.Module, images: Tensor) -> bool:
    """Whether a model in double precision computes with less inside, of what depends on the images.

    Args:
        model: whose parameters have no gradients, so that what has one depends on the images.
    """
    with Casts() as casts:
        logits(model, images.clone().requires_grad_(True))
    return casts.found


def is_constant(model: nn.Module, images: Tensor) -> bool:
    """Whether the scores hardly depend on the images."""
    with torch.no_grad():
        scores = logits(model, images)
    return bool((scores.amax(0) - scores.amin(0)).max() <= 1e-6 * scores.abs().max())


# --- the checks ---------------------------------------------------------------------------------------------


def relative(found: Tensor, expected: Tensor) -> float:
    """The largest L2 distance of a map from what it must be, by the length of that."""
    apart, length = (maps.flatten(1).norm(dim=1) for maps in (found - expected, expected))
    return float((apart / length).max())


def missing(total: Tensor, expected: Tensor, maps: Tensor) -> float:
    """The largest distance of a sum from what it must be, by that or by part of the map's size."""
    scale = torch.maximum(expected.abs(), FLOOR * maps.abs().flatten(1).sum(1))
    return float(((total - expected).abs() / scale).max())


def _explained(explainer: pyxai.Explainer, images: Tensor, targets: Tensor) -> Tensor:
    return explainer(images, targets).attribution


def _gradient(subject: Subject, maps: Tensor, count: int) -> float:
    return relative(maps, own_gradient(subject, count))


def _guided(subject: Subject, maps: Tensor, count: int) -> float:
    return relative(maps, own_gradient(subject, count, Rectifiers()))


def _difference(subject: Subject, maps: Tensor, count: int) -> float:
    """Of what DeepLIFT shares out from the difference of the scores."""
    images = subject.images[:count]
    difference = subject.scores(images) - subject.scores(subject.baseline.expand_as(images))
    return missing(maps.flatten(1).sum(1), difference, maps)


def _relevance(explainer: pyxai.Explainer, images: Tensor, targets: Tensor) -> tuple[Tensor, Any]:
    return _explained(explainer, images, targets), explainer.report(images, targets)


def _lrp(subject: Subject, answer: tuple[Tensor, Any], count: int) -> float:
    """Of LRP-0's map from what the report leaves of the score, and from input × gradient with its rules.

    The report's ``lost`` is only a difference, so that it would explain any sum: what is counted are the
    reasons it gives.
    """
    maps, report = answer
    images = subject.images[:count]
    kept = sum(layer.bias + sum(layer.reasons.values()) for layer in report.layers)
    left = missing(maps.flatten(1).sum(1), subject.scores(images) - kept, maps)
    return max(left, relative(maps, images * own_gradient(subject, count, Relevances())), key=_or_nan)


def _or_nan(distance: float) -> float:
    """An order in which a distance that is no number is the largest."""
    return math.inf if math.isnan(distance) else distance


CHECKS = (
    Check("gradient", lambda subject: {}, _explained, _gradient, 1e-9),
    Check("deeplift", lambda subject: {"baseline": subject.baseline}, _explained, _difference, 1e-8),
    Check("lrp", lambda subject: {"composite": "epsilon", "epsilon": 0.0}, _relevance, _lrp, 1e-8),
    Check("guided_backprop", lambda subject: {}, _explained, _guided, 1e-9),
)
