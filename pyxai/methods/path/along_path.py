"""What methods share that integrate along a straight line from a baseline to the image."""

from __future__ import annotations

import abc
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.checks import non_negative, whole
from pyxai.methods.baselines import Baseline, baselines
from pyxai.methods.method import Method
from pyxai.methods.path.line import FIRST_STEPS, MOST_STEPS, Path
from pyxai.methods.path.quadrature import Rule, quadrature
from pyxai.methods.request import Maps, Request
from pyxai.methods.targets import Target


class AlongPath(Method):
    """A mean along the straight line from a baseline to the image.

    Attributes:
        steps: The number of gradient evaluations per image. None lets ``tolerance`` decide.
        tolerance: Bound on the estimated relative L1 error of the map; 0.05 where ``steps`` is not given
            either. The number of points is tripled until the estimate, half of what the map changed by, is
            below the bound; each image stops by itself, at 891 points at the latest. The estimate it has
            reached is in ``extras["error_estimate"]``.
        rule: The quadrature rule. Only ``midpoint`` can be refined to a ``tolerance``; the others need
            ``steps``.
        baseline: Where the path starts: a number, one number for each channel, ``black``, ``mean`` (each
            image's mean colour), ``blur``, or a tensor of one or several baselines, whose maps are averaged.
        low: The value of a black pixel in the model's input space, one number or one for each channel. It is
            read for ``baseline="black"`` only; ``preprocess`` sets it, on the command line the model's own.
        samples: The number of paths per image, each from a baseline with noise of its own; the mean of their
            maps is returned. More than one needs ``noise_scale``.
        noise_scale: Standard deviation of the Gaussian noise added to the baseline, in the units of the
            model's input.
        seed: The seed of that noise.

    """

    steps: int | None = None
    tolerance: float | None = None
    rule: Rule = "midpoint"
    baseline: Baseline = 0.0
    low: float | tuple = 0.0
    samples: int = 1
    noise_scale: float = 0.0
    seed: int = 0

    def settle(self) -> None:
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

    def evaluations_per_image(self) -> int:
        return self.steps or FIRST_STEPS

    @abc.abstractmethod
    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        """What is integrated from ``start`` (N or 1 rows) to ``images`` (N rows)."""

    def ends(
        self, executor: Executor, images: Tensor, start: Tensor, logits: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Scores of ``images``, and those by whose difference a map must be complete, (N or 1, K).

        Args:
            logits: the scores of ``images`` where they are known.

        Returns:
            The second is None where no axiom says what a map must sum to.
        """
        if logits is not None:
            return logits, executor.scores(start)
        scores = executor.scores(torch.cat([images, start]))  # in one go: calls of few rows are padded
        return scores[: len(images)], scores[len(images) :]

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, starts = request.images, self._starts(request)
        start = next(starts)
        logits, end = self.ends(executor, images, start, None)
        classes = request.target.choose(logits)
        target = Target(classes, 0, request.target.single)
        evaluations = torch.zeros(len(images), dtype=torch.int64, device=images.device)
        reached, paths = torch.zeros_like(classes, dtype=torch.float64), 0
        errors, totals = torch.zeros_like(reached), []
        while start is not None:
            path = self.path(executor, images, start, target)
            if self.steps:
                maps, spent = path.fixed(*quadrature(self.rule, self.steps))
            else:
                maps, spent, estimated = path.refine(self.tolerance)
                errors = torch.maximum(errors, estimated)
            evaluations += spent
            totals = [total + own for total, own in zip(totals, maps, strict=True)] if totals else maps
            if end is not None:
                reached += end.expand(len(images), -1).gather(1, classes)
            paths += 1
            complete, start = end is not None, next(starts, None)
            if start is not None:
                end = self.ends(executor, images, start, logits)[1]
        if self.tolerance is not None and bool((errors > self.tolerance).any()):
            warnings.warn(
                f"{self.name}: some maps are not within `tolerance` at {MOST_STEPS} points, the "
                "most there are: extras['error_estimate'] says which",
                stacklevel=2,
            )
        return Maps(
            attribution=[(total / paths).to(images.dtype) for total in totals],
            target=classes,
            score=logits.gather(1, classes),
            evaluations=evaluations,
            expected=logits.gather(1, classes).double() - reached / paths if complete else None,
            extras={} if self.steps else {"error_estimate": list(errors.unbind(1))},
        )

    def _starts(self, request: Request) -> Iterator[Tensor]:
        """The paths' beginnings, (N, C, H, W) or (1, C, H, W) each."""
        clean = baselines(self.baseline, self.low, request.images)
        if self.noise_scale == 0:
            yield from clean
            return
        index = torch.arange(len(request.images), device=request.images.device)
        scale = torch.full_like(index, 1, dtype=request.images.dtype) * self.noise_scale
        seed = ops.derive_seed(self.seed, "baseline")
        for sample in range(self.samples):
            for which, start in enumerate(clean):
                draw = torch.full_like(index, sample * len(clean) + which)
                whole_start = start.expand_as(request.images)
                yield ops.add_noise(whole_start, index, request.ids, draw, scale, seed)
