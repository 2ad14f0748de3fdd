"""Mean gradients along the straight line from a baseline to the image."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.methods.path.quadrature import quadrature
from pyxai.methods.per_image import accumulator, image_l1
from pyxai.methods.targets import Target

FIRST_STEPS = 11  # so that most ReLU networks meet the default tolerance with 33
REFINEMENT = 3  # the midpoints of n intervals are midpoints of 3 n intervals
MOST_STEPS = FIRST_STEPS * REFINEMENT**4


class Path:
    """Mean gradients on the straight lines from ``start`` (N or 1 rows) to ``images``.

    Where the model begins with affine layers, the line is followed behind them: their output is affine in the
    position on the line, so they run at its two ends only, and their transpose once, on the summed gradient.
    """

    def __init__(self, executor: Executor, images: Tensor, start: Tensor, target: Target):
        self.target, self.images = target, images
        self.difference = images - start
        self.stem, self.executor = executor.stem, executor.beyond_stem
        self.start, self.end = self.stem.forward(start), self.stem.forward(images)

    def fixed(self, node: Tensor, weight: Tensor) -> tuple[list[Tensor], Tensor]:
        """Quadrature with ``node`` and ``weight`` (S,): T mean gradients (N, ...) and evaluations (N,)."""
        totals = self._zeros()
        everyone = torch.arange(len(self.end), device=self.end.device)
        self._add(totals, everyone, node, weight)
        return [self.stem.pull_back(total) for total in totals], torch.full_like(everyone, len(node))

    def refine(self, tolerance: float) -> tuple[list[Tensor], Tensor, Tensor]:
        """Midpoint rule, refined until each image's map is within ``tolerance``, or to ``MOST_STEPS`` points.

        Returns:
            As :meth:`fixed`, and the estimated relative L1 error of each map, (N, T) float64.
        """
        totals = self._zeros()
        active = torch.arange(len(self.end), device=self.end.device)
        spent = torch.zeros_like(active)
        means = [torch.zeros_like(self.images, dtype=total.dtype) for total in totals]
        errors = torch.zeros(len(self.end), len(totals), dtype=torch.float64, device=active.device)
        steps = FIRST_STEPS
        while len(active):
            node, weight = quadrature("midpoint", steps)
            point = torch.arange(steps, device=node.device)
            new = point % REFINEMENT != REFINEMENT // 2 if steps > FIRST_STEPS else slice(None)
            self._add(totals, active, node[new], torch.ones_like(weight[new]))
            spent[active] = steps
            for place, (total, mean) in enumerate(zip(totals, means, strict=True)):
                refined = self.stem.pull_back(total[active] / steps)
                difference = self.difference[active]
                size = image_l1(difference * refined)
                moved = image_l1(difference * (refined - mean[active])) / (REFINEMENT - 1)
                errors[active, place] = torch.where(size > 0, moved / size, moved).to(errors)
                mean[active] = refined
            if steps == MOST_STEPS:
                break
            if steps > FIRST_STEPS:  # the first map has no coarser one to be compared with
                active = active[errors[active].amax(1) > tolerance]
            steps *= REFINEMENT
        return means, spent, errors

    def _zeros(self) -> list[Tensor]:
        return [accumulator(self.end) for _ in range(self.target.count)]

    def _add(self, totals: list[Tensor], chosen: Tensor, node: Tensor, weight: Tensor) -> None:
        """Add ``weight`` times the gradient at each ``node`` for the images ``chosen``, in full calls."""
        steps, device = len(node), self.end.device
        real = torch.promote_types(self.end.dtype, torch.float32)
        node, weight = node.to(device, real), weight.to(device, real)
        for block in self.executor.blocks(len(chosen) * steps):
            row = torch.arange(block.start, block.stop, device=device)
            index, step = chosen[row // steps], row % steps
            points = ops.path_points(self.start, self.end, index, node[step])
            classes = self.target.fixed[index]
            gradients, _, _ = self.executor.gradients(points, lambda logits, classes=classes: classes)
            for total, gradient in zip(totals, gradients, strict=True):
                ops.path_accumulate_(total, gradient, index, weight[step])
