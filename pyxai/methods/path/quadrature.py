"""Quadrature rules on [0, 1] for path integrals."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

Rule = Literal["midpoint", "riemann_left", "riemann_right", "trapezoid", "gauss_legendre"]


def quadrature(rule: Rule, steps: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights, float64 (steps,), of ``rule`` with ``steps`` evaluations; the weights sum to 1."""
    position = np.arange(steps, dtype=np.float64)
    weight = np.full(steps, 1 / steps)
    if rule == "midpoint":
        node = (position + 0.5) / steps
    elif rule == "riemann_left":
        node = position / steps
    elif rule == "riemann_right":
        node = (position + 1) / steps
    elif rule == "trapezoid":
        if steps < 2:
            raise ValueError(f"`steps` must be at least 2 for the trapezoid rule, got {steps}")
        node = position / (steps - 1)
        weight = np.full(steps, 1 / (steps - 1))
        weight[[0, -1]] /= 2
    elif rule == "gauss_legendre":
        node, weight = np.polynomial.legendre.leggauss(steps)
        node, weight = (node + 1) / 2, weight / 2
    else:
        raise ValueError(f"`rule` must be one of {', '.join(map(repr, get_args(Rule)))}, got {rule!r}")
    return torch.from_numpy(node), torch.from_numpy(weight)
