"""Integrated Gradients: the path integral of the gradient from a baseline to the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from pyxai import ops
from pyxai.attribution.baselines import Baseline, baselines
from pyxai.attribution.batch import Batch, Maps, accumulator, image_l1
from pyxai.attribution.quadrature import RULES, quadrature
from pyxai.attribution.registry import register
from pyxai.attribution.targets import Target
from pyxai.capture.executor import Executor
from pyxai.checks import non_negative, one_of, whole

FIRST_STEPS = 11  # so that most ReLU networks meet the default tolerance with 33
REFINEMENT = 3  # the midpoints of n intervals are midpoints of 3 n intervals
MOST_STEPS = FIRST_STEPS * REFINEMENT**4


@register("integrated_gradients", family="path")
class IntegratedGradients:
    """(Image - baseline) times the mean gradient between them (survey eq. 7; Sundararajan et al. 2017).

    Attributes:
        steps: gradient evaluations an image; None spends what ``tolerance`` asks.
        tolerance: bound on the estimated relative L1 error of the map. The midpoint rule is refined threefold
            and each image stops by itself once (change of the map) / (3 - 1) is below it; default 0.05 where
            ``steps`` is not given either.
        rule: quadrature rule; only ``midpoint`` refines.
        baseline: see :func:`pyxai.attribution.baselines.baselines`.
        low: value of a black pixel in the model's input space, for ``baseline="black"``.
        samples: paths an image from noisy baselines; their mean is returned.
        noise_scale: standard deviation of the Gaussian noise added to the baseline, in the input's units.
        seed: of that noise.

    ``expected`` is f(image) - mean f(baseline).
    """

    steps: int | None = None
    tolerance: float | None = None
    rule: Literal["midpoint", "riemann_left", "riemann_right", "trapezoid", "gauss_legendre"] = "midpoint"
    baseline: Baseline = 0.0
    low: float | tuple = 0.0
    samples: int = 1
    noise_scale: float = 0.0
    seed: int = 0

    def __post_init__(self):
        one_of("rule", self.rule, RULES)
        whole("samples", self.samples, 1)
        non_negative("noise_scale", self.noise_scale)
        whole("seed", self.seed)
        if self.samples > 1 and self.noise_scale == 0:
            raise ValueError("`samples` above 1 needs `noise_scale` above 0: the paths would all be the same")
        if self.steps is not None:
            whole("steps", self.steps, 1)
            quadrature(self.rule, self.steps)
            if self.tolerance is not None:
                raise ValueError("`steps` fixes the cost and `tolerance` the error: give one of them")
            return
        if self.rule != "midpoint":
            raise ValueError(f"`rule` {self.rule!r} needs `steps`: only 'midpoint' refines to a `tolerance`")
        tolerance = 0.05 if self.tolerance is None else self.tolerance
        if not isinstance(tolerance, float) or not 0 < tolerance < 1:
            raise ValueError(f"`tolerance` must be a number between 0 and 1, got {tolerance!r}")
        object.__setattr__(self, "tolerance", tolerance)

    def rows_an_image(self) -> int:
        """Gradient evaluations an image that are known before any is made."""
        return self.steps or FIRST_STEPS

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        images, starts = batch.images, self._starts(batch)
        start = next(starts)
        scores = executor.scores(torch.cat([images, start]))  # in one go: calls of few rows are padded
        logits, end = scores[: len(images)], scores[len(images) :]
        classes = batch.target.choose(logits)
        target = Target(classes, 0, batch.target.single)
        evaluations = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        totals = [accumulator(images) for _ in range(target.count)]
        reached, paths = torch.zeros_like(classes, dtype=torch.float64), 0
        while start is not None:
            path = _Path(executor, images, start, target)
            if self.steps:
                gradients, spent = path.fixed(*quadrature(self.rule, self.steps))
            else:
                gradients, spent = path.refine(self.tolerance)
            evaluations += spent
            for total, gradient in zip(totals, gradients, strict=True):
                total += path.difference * gradient
            reached += end.expand(len(images), -1).gather(1, classes)
            paths += 1
            start = next(starts, None)
            end = None if start is None else executor.scores(start)
        return Maps(
            attribution=[(total / paths).to(images.dtype) for total in totals],
            target=classes,
            score=logits.gather(1, classes),
            evaluations=evaluations,
            expected=logits.gather(1, classes).double() - reached / paths,
        )

    def _starts(self, batch: Batch) -> Iterator[Tensor]:
        """The paths' beginnings, (N, C, H, W) or (1, C, H, W) each."""
        clean = baselines(batch.method, self.baseline, self.low, batch.images)
        if self.noise_scale == 0:
            yield from clean
            return
        index = torch.arange(len(batch.images), device=batch.images.device)
        scale = torch.full_like(index, 1, dtype=batch.images.dtype) * self.noise_scale
        seed = ops.derive_seed(self.seed, "baseline")
        for sample in range(self.samples):
            for which, start in enumerate(clean):
                draw = torch.full_like(index, sample * len(clean) + which)
                whole_start = start.expand_as(batch.images)
                yield ops.add_noise(whole_start, index, batch.ids, draw, scale, seed)


class _Path:
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

    def refine(self, tolerance: float) -> tuple[list[Tensor], Tensor]:
        """Midpoint rule, refined until each image's map is within ``tolerance``: as :meth:`fixed`."""
        totals = self._zeros()
        active = torch.arange(len(self.end), device=self.end.device)
        spent = torch.zeros_like(active)
        means = [torch.zeros_like(self.images, dtype=total.dtype) for total in totals]
        steps = FIRST_STEPS
        while len(active):
            node, weight = quadrature("midpoint", steps)
            new = torch.arange(steps) % REFINEMENT != REFINEMENT // 2 if steps > FIRST_STEPS else slice(None)
            self._add(totals, active, node[new], torch.ones_like(weight[new]))
            spent[active] = steps
            change = torch.zeros(len(active), dtype=torch.float64, device=active.device)
            for total, mean in zip(totals, means, strict=True):
                refined = self.stem.pull_back(total[active] / steps)
                difference = self.difference[active]
                size = image_l1(difference * refined)
                moved = image_l1(difference * (refined - mean[active])) / (REFINEMENT - 1)
                change = torch.maximum(change, torch.where(size > 0, moved / size, moved))
                mean[active] = refined
            if steps == MOST_STEPS:
                break
            if steps > FIRST_STEPS:  # the first map has no coarser one to be compared with
                active = active[(change > tolerance).to(active.device)]
            steps *= REFINEMENT
        return means, spent

    def _zeros(self) -> list[Tensor]:
        return [accumulator(self.end) for _ in range(self.target.count)]

    def _add(self, totals: list[Tensor], chosen: Tensor, node: Tensor, weight: Tensor) -> None:
        """Add ``weight`` times the gradient at each ``node`` for the images ``chosen``, in full calls."""
        steps = len(node)
        device, real = self.end.device, torch.promote_types(self.end.dtype, torch.float32)
        for block in self.executor.blocks(len(chosen) * steps):
            row = torch.arange(block.start, block.stop, device=device)
            index, step = chosen[row // steps], (row % steps).cpu()
            points = ops.path_points(self.start, self.end, index, node[step].to(device, real))
            classes = self.target.fixed[index]
            gradients, _, _ = self.executor.gradients(points, lambda logits, classes=classes: classes)
            for total, gradient in zip(totals, gradients, strict=True):
                ops.path_accumulate_(total, gradient, index, weight[step].to(device, real))
