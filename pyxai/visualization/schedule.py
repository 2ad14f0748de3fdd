"""How the price of an area and the rate of an optimiser change from step to step."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

FULL_STEPS = 2048
"""Steps that rates and patience are counted in; of fewer steps each is as much larger."""

Growth = Literal["tenths", "continuous"]
Decay = Literal["loss", "steps"]


def price_factor(step: int, steps: int, growth: Growth) -> float:
    """What the price of a wrong area has grown by: 1.2 at every tenth, or by 1.23 a tenth without steps."""
    part = 10 * step / steps
    return 1.2 ** int(part) if growth == "tenths" else 1.23**part


class Rates:
    """The rate of each row, which falls when its loss does no more.

    ``loss``: by a tenth once for ``PATIENCE`` steps the loss was not below the best one by ``THRESHOLD`` of
    its size. ``steps``: by a fifth in every tenth of the steps, whatever the loss.
    """

    FACTOR, PATIENCE, THRESHOLD, LEAST = 0.9, 35, 0.009, 5e-5

    def __init__(self, rate: float, steps: int, decay: Decay, rows: int, device: torch.device):
        self._stretch, self._decay = FULL_STEPS / steps, decay
        self._rate = torch.full((rows,), rate * self._stretch, dtype=torch.float64, device=device)
        self._best = torch.full_like(self._rate, torch.inf)
        self._bad = torch.zeros_like(self._rate)

    def __call__(self, losses: Tensor) -> Tensor:
        """The rates (N,) of a step with these ``losses`` (N,)."""
        rate = self._rate
        if self._decay == "steps":
            self._rate = rate * 0.8 ** (10 * self._stretch / FULL_STEPS)
            return rate
        losses = losses.to(rate)
        better = losses < self._best - self.THRESHOLD * torch.where(
            self._best.isfinite(), self._best.abs(), 0
        )
        self._best = torch.where(better, losses, self._best)
        self._bad = torch.where(better, 0, self._bad + 1)
        stalled = self._bad > max(1, round(self.PATIENCE / self._stretch))
        least = (self.LEAST * self._stretch) * torch.ones_like(rate)
        self._rate = torch.where(stalled, torch.maximum(rate * self.FACTOR, least), rate)
        self._bad = torch.where(stalled, 0, self._bad)
        return self._rate
