"""The baseline of Aumann-Shapley attribution at a layer that is targeted at an output."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.visualization.adam import Adam

DISTANCE = 16.0
"""Price of the distance from the layer's values, relative to their sum, where the score has the price 1."""

FULL = {"place": (2048, 0.009), "channel": (4096, 0.01)}
"""Steps and rate of both optimisations, a factor for each place and one for each channel."""


def steps_of(effort: float) -> dict[str, int]:
    """How many steps each optimisation makes."""
    return {name: max(1, round(effort * steps)) for name, (steps, _) in FULL.items()}


def targeted_baseline(
    executor: Executor,
    images: Tensor,
    values: Tensor,
    channel: int,
    classes: Tensor,
    ids: Tensor,
    effort: float = 1.0,
    seed: int = 0,
) -> Tensor:
    """Values of a layer near its own for which a class has a score near 0 (Shi et al. 2022).

    B = min(s₁, s₂) A, where each s = sigmoid(w) minimises 16 ‖B - A‖₁ / ‖A‖₁ + |z(B)| with B = s A: one s has
    a number for each place, the other one for each channel. w starts from standard normal numbers.

    Args:
        executor: of the model, whose one layer it is.
        images: (N, C, H, W), which what bypasses the layer is of.
        values: (N, …), A, as :meth:`Executor.of_images` gives them.
        channel: the axis of the channels in one image's values; all others are places.
        classes: (N,) int64, whose scores z are.
        ids: (N,) int64, keys of the numbers that w starts from.
        effort: the part of 2048 steps by place and 4096 by channel that is made, each as much larger.
        seed: of these numbers.

    Returns:
        (N, …) like ``values``.
    """
    problem = _Problem(executor, images, values, classes)
    factors = torch.ones_like(problem.values)
    for name, made in steps_of(effort).items():
        sizes = enumerate(values.shape[1:])
        shape = tuple(1 if (axis == channel) == (name == "place") else size for axis, size in sizes)
        stream = ops.derive_seed(seed, f"baseline by {name}")
        start = ops.normal_noise(ids, torch.zeros_like(ids), stream, shape, factors.dtype)
        steps, rate = FULL[name]
        factors = torch.minimum(factors, problem.minimise(start, made, rate * steps / made))
    return (factors * problem.values).to(values.dtype)


class _Problem:
    """Factors of a layer's values, by whatever axes they differ."""

    def __init__(self, executor: Executor, images: Tensor, values: Tensor, classes: Tensor):
        self._executor, self._images, self._classes = executor, images, classes
        self._dtype = values.dtype
        self.values = values.to(torch.promote_types(values.dtype, torch.float32))
        totals = torch.stack([row.abs().sum() for row in self.values])
        totals = torch.where(totals == 0, 1, totals)  # all factors are as good there
        self._price = DISTANCE * self.values.abs() / totals.view(-1, *[1] * (values.ndim - 1))

    def minimise(self, weights: Tensor, steps: int, rate: float) -> Tensor:
        """The factors that ``weights`` (N, …) become, whose axes of size 1 share a factor."""
        rates, adam = weights.new_full((len(weights),), rate), Adam(weights)
        shared = [axis for axis, size in enumerate(weights.shape[1:]) if size == 1]
        for _ in range(steps):
            factors = weights.sigmoid()
            by_value = self._score_gradient(factors) - self._price
            by_factor = torch.stack([row.sum(shared, keepdim=True) if shared else row for row in by_value])
            adam.step(by_factor * factors * (1 - factors), rates)
        return weights.sigmoid()

    def _score_gradient(self, factors: Tensor) -> Tensor:
        """The gradient of |z| by a factor of each value, like the values."""
        found = []
        for block in self._executor.blocks(len(factors)):
            values = self.values[block]
            points = (factors[block] * values).to(self._dtype)
            (gradient,), score, _ = self._executor.gradients_at(
                self._images[block],
                self._executor.layer,
                points,
                lambda logits, chosen=self._classes[block]: chosen[:, None],
            )
            sign = score.sign().to(values).view(-1, *[1] * (values.ndim - 1))
            found.append(sign * gradient.to(values) * values)
        return torch.cat(found)
