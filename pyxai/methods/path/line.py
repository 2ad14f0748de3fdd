"""Means along the straight line from a baseline to the image."""

from __future__ import annotations

import abc

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Choose, Executor
from pyxai.methods.path.quadrature import quadrature
from pyxai.methods.per_image import accumulator, image_l1
from pyxai.methods.targets import Target

FIRST_STEPS = 11  # so that most ReLU networks meet the default tolerance with 33
REFINEMENT = 3  # the midpoints of n intervals are midpoints of 3 n intervals
MOST_STEPS = FIRST_STEPS * REFINEMENT**4


class Path(abc.ABC):
    """Means of an integrand over the straight lines to images, and the maps that they make.

    Args:
        executor: its calls have ``rows`` rows, which are points of any images.
        like: (N, …), what the integrand of the images is like.
        target: the classes, which are fixed.
    """

    def __init__(self, executor: Executor, like: Tensor, target: Target):
        self.executor, self.target, self._like = executor, target, like

    @abc.abstractmethod
    def integrand(self, index: Tensor, position: Tensor) -> list[Tensor]:
        """T tensors (r, …) at points of lines, in one model call.

        Args:
            index: (r,) int64, the image of each point.
            position: (r,), where it lies, 0 at the start and 1 at the image.
        """

    def maps(self, means: Tensor, chosen: Tensor) -> Tensor:
        """The maps of the images ``chosen`` from their means; both have a row for each."""
        return means

    def classes(self, index: Tensor) -> Choose:
        """What chooses the classes of the images in ``index``, for calls of the executor."""
        chosen = self.target.fixed[index]
        return lambda logits: chosen

    def fixed(self, node: Tensor, weight: Tensor) -> tuple[list[Tensor], Tensor]:
        """Quadrature with ``node`` and ``weight`` (S,): T maps (N, ...) and evaluations (N,)."""
        totals, everyone = self._zeros(), self._everyone()
        self._add(totals, everyone, node, weight)
        return [self.maps(total, everyone) for total in totals], torch.full_like(everyone, len(node))

    def refine(self, tolerance: float) -> tuple[list[Tensor], Tensor, Tensor]:
        """Midpoint rule, refined until each image's map is within ``tolerance``, or to ``MOST_STEPS`` points.

        Returns:
            As :meth:`fixed`, and the estimated relative L1 error of each map, (N, T) float64.
        """
        totals, active = self._zeros(), self._everyone()
        spent = torch.zeros_like(active)
        found: list[Tensor] = []
        errors = torch.zeros(len(active), len(totals), dtype=torch.float64, device=active.device)
        steps = FIRST_STEPS
        while len(active):
            node, weight = quadrature("midpoint", steps)
            point = torch.arange(steps, device=node.device)
            new = point % REFINEMENT != REFINEMENT // 2 if steps > FIRST_STEPS else slice(None)
            self._add(totals, active, node[new], torch.ones_like(weight[new]))
            spent[active] = steps
            refined = [self.maps(total[active] / steps, active) for total in totals]
            found = found or [torch.zeros_like(own) for own in refined]
            for place, (own, finer) in enumerate(zip(found, refined, strict=True)):
                size, moved = image_l1(finer), image_l1(finer - own[active]) / (REFINEMENT - 1)
                errors[active, place] = torch.where(size > 0, moved / size, moved).to(errors)
                own[active] = finer
            if steps == MOST_STEPS:
                break
            if steps > FIRST_STEPS:  # the first map has no coarser one to be compared with
                active = active[errors[active].amax(1) > tolerance]
            steps *= REFINEMENT
        return found, spent, errors

    def _everyone(self) -> Tensor:
        return torch.arange(len(self._like), device=self._like.device)

    def _zeros(self) -> list[Tensor]:
        return [accumulator(self._like) for _ in range(self.target.count)]

    def _add(self, totals: list[Tensor], chosen: Tensor, node: Tensor, weight: Tensor) -> None:
        """Add ``weight`` times the integrand at each ``node`` for the images ``chosen``, in full calls."""
        steps, like = len(node), self._like
        real = torch.promote_types(like.dtype, torch.float32)
        node, weight = node.to(like.device, real), weight.to(like.device, real)
        for block in self.executor.blocks(len(chosen) * steps):
            row = torch.arange(block.start, block.stop, device=like.device)
            index, step = chosen[row // steps], row % steps
            for total, found in zip(totals, self.integrand(index, node[step]), strict=True):
                ops.path_accumulate_(total, found, index, weight[step])


class GradientPath(Path):
    """The gradient by the image on lines from ``start`` (N or 1 rows), times the difference of their ends.

    Where the model begins with affine layers, the line is followed behind them: their output is affine in the
    position on the line, so they run at its two ends only, and their transpose once, on the summed gradient.
    """

    def __init__(self, executor: Executor, images: Tensor, start: Tensor, target: Target):
        self._stem = executor.stem
        self._start, self._end = self._stem.forward(start), self._stem.forward(images)
        self._difference = images - start
        super().__init__(executor.beyond_stem, self._end, target)

    def integrand(self, index, position):
        points = ops.path_points(self._start, self._end, index, position)
        return self.executor.gradients(points, self.classes(index))[0]

    def maps(self, means, chosen):
        return self._difference[chosen] * self._stem.pull_back(means)
