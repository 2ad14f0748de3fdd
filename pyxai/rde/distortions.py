"""How far the model's output for an obfuscated image is from its output for the image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


class Distortion:
    """A distance d(Φ(x), Φ(y)) >= 0. To write one, give :meth:`__call__`.

    Attributes:
        of_values: whether it is defined for a model with one output, a value, which then stands in place of
            the probabilities.
        least_at_image: whether no y is nearer than x itself; then nothing is to be optimised without a price
            on the mask.
    """

    of_values = False
    least_at_image = True

    def __call__(self, scores: Tensor, image_scores: Tensor, target: Tensor) -> Tensor:
        """(r,) from scores of y and x, (r, K) each, whose softmax is the probabilities, and classes (r,)."""
        raise NotImplementedError


def probabilities(scores: Tensor) -> Tensor:
    """Softmax of each row of ``scores`` (r, K); a value (r, 1) as it is."""
    return scores if scores.shape[1] == 1 else scores.softmax(1)


def probability(scores: Tensor, target: Tensor) -> Tensor:
    """Softmax probability of each row's class, (r,); or the value, where there is one."""
    return probabilities(scores).gather(1, target[:, None])[:, 0]


@dataclass(frozen=True)
class LabelDifference(Distortion):
    """(p(x) - p(y))² of the explained class (CartoonX §4.1.3)."""

    of_values = True

    def __call__(self, scores: Tensor, image_scores: Tensor, target: Tensor) -> Tensor:
        return (probability(image_scores, target) - probability(scores, target)).square()


@dataclass(frozen=True)
class MaximiseLabel(Distortion):
    """(1 - p(y))² of the explained class. The paper's A.3.3 prints Φ(x) where Φ(y) is meant."""

    least_at_image = False

    def __call__(self, scores: Tensor, image_scores: Tensor, target: Tensor) -> Tensor:
        return (1 - probability(scores, target)).square()


@dataclass(frozen=True)
class ProbabilityDistance(Distortion):
    """‖Φ(x) - Φ(y)‖₂ of the probabilities, times ``scale``.

    Args:
        scale: with a sparsity as large, the ratio of the two counts (CartoonX A.4 has 10⁶ and 80000).
        towards: (K,) probabilities to reach instead of those of x.
    """

    of_values = True

    scale: float = 1.0
    towards: Tensor | None = None

    @property
    def least_at_image(self) -> bool:
        return self.towards is None

    def __call__(self, scores: Tensor, image_scores: Tensor, target: Tensor) -> Tensor:
        goal = probabilities(image_scores) if self.towards is None else self.towards.to(scores)
        return self.scale * torch.linalg.vector_norm(goal - probabilities(scores), dim=1)


@dataclass(frozen=True)
class Divergence(Distortion):
    """Kullback–Leibler divergence KL(Φ(y), Φ(x)) of the probabilities."""

    def __call__(self, scores: Tensor, image_scores: Tensor, target: Tensor) -> Tensor:
        ours, theirs = scores.log_softmax(1), image_scores.log_softmax(1)
        return (ours.exp() * (ours - theirs)).sum(1)


DISTORTIONS = {
    "label": LabelDifference(),
    "maximise_label": MaximiseLabel(),
    "l2": ProbabilityDistance(),
    "kl": Divergence(),
}
