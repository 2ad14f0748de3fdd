"""SmoothGrad and its kin: any method averaged over noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pyxai import ops
from pyxai.attribution import registry
from pyxai.attribution.batch import Batch, Maps, Moments, accumulator, mix_ids
from pyxai.attribution.registry import register
from pyxai.attribution.targets import Target
from pyxai.capture.executor import Executor
from pyxai.checks import non_negative, whole

GROUPS = 5  # of draws, whose means give the standard error where single draws are never seen
_WRAPPERS = ("smoothgrad", "smoothgrad_squared", "vargrad")


@dataclass(frozen=True)
class _Noisy:
    """The options the three averages share; `SmoothGrad` documents them."""

    of: str = "gradient"
    of_options: dict = field(default_factory=dict)
    samples: int = 25
    noise_scale: float = 0.15
    seed: int = 0

    def __post_init__(self):
        if self.of in _WRAPPERS:
            raise ValueError(f"`of` must be a method that is not itself an average, got {self.of!r}")
        if registry.method(self.of).needs == "none":
            raise ValueError(f"`of` must be a method that explains a model, got {self.of!r}")
        self.inner  # noqa: B018  checks the wrapped method's options
        whole("samples", self.samples, 1)
        non_negative("noise_scale", self.noise_scale)
        whole("seed", self.seed)

    @property
    def inner(self):
        """The wrapped method; one that draws noise of its own has this seed unless told otherwise."""
        seed = {"seed": self.seed} if "seed" in registry.method(self.of).fields() else {}
        return registry.build(self.of, seed | self.of_options)

    @property
    def colour(self) -> bool:
        return registry.method(self.of).colour

    def rows_an_image(self) -> int:
        return self.samples * self.inner.rows_an_image()

    def noisy_blocks(self, executor: Executor, batch: Batch) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Full calls of noisy rows, image by image: rows (r, C, H, W), their image (r,), their draw (r,)."""
        images = batch.images
        scale = self.noise_scale * (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))
        for block in executor.blocks(len(images) * self.samples):
            row = torch.arange(block.start, block.stop, device=images.device)
            index, draw = row // self.samples, row % self.samples
            yield ops.add_noise(images, index, batch.ids, draw, scale, self.seed), index, draw

    def moments(self, executor: Executor, batch: Batch, square: bool = False) -> tuple[Maps, list[Moments]]:
        """Mean and variance of the wrapped method's maps (or of their squares) over the draws."""
        logits = executor.scores(batch.images)
        classes = batch.target.choose(logits)
        target = Target(classes, 0, batch.target.single)
        moments: list[Moments] = []
        evaluations = torch.zeros(len(batch.images), dtype=torch.int64, device=classes.device)
        expected = torch.zeros(classes.shape, dtype=torch.float64, device=classes.device)
        share = torch.full((executor.rows,), 1 / self.samples, dtype=torch.float64, device=classes.device)
        inner = self.inner
        for noisy, index, draw in self.noisy_blocks(executor, batch):
            request = Batch(noisy, target.take(index), mix_ids(batch.ids[index], draw), batch.method)
            found = inner.attribute(executor, request)
            if not moments:
                moments = [Moments(len(batch.images), rows) for rows in found.attribution]
            for moment, rows in zip(moments, found.attribution, strict=True):
                moment.update(rows.square() if square else rows, index)
            evaluations.index_add_(0, index, found.evaluations)
            if found.expected is None:
                expected = None
            else:
                ops.path_accumulate_(expected, found.expected, index, share[: len(index)])
        score = logits.gather(1, classes)
        return Maps([], classes, score, evaluations, expected=None if square else expected), moments

    def mean(self, executor: Executor, batch: Batch, square: bool = False) -> Maps:
        """The mean of :meth:`moments` and its standard error."""
        maps, moments = self.moments(executor, batch, square)
        maps.attribution = [moment.mean.to(batch.images.dtype) for moment in moments]
        maps.standard_error = [moment.standard_error().to(batch.images.dtype) for moment in moments]
        return maps


@register("smoothgrad", family="noise")
class SmoothGrad(_Noisy):
    """Mean of a method's maps over noisy copies of the image (survey eq. 8; Smilkov et al. 2017).

    Attributes:
        of: the method that is averaged.
        of_options: its options (command line: ``--set of.steps=8``).
        samples: noisy copies an image.
        noise_scale: standard deviation of the noise by the image's range, max - min; the survey advises 0.1
            to 0.2.
        seed: of the noise. A draw depends on (seed, sample id, number of the draw, pixel) and nothing else.
    """

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        if self.of == "gradient" and executor.stem.deep:
            # as many images at a time as a call has rows: their sums behind the stem are large
            return Maps.joined([self._behind_stem(executor, part) for part in batch.split(executor.rows)])
        return self.mean(executor, batch)

    def _behind_stem(self, executor: Executor, batch: Batch) -> Maps:
        """The mean gradient, summed behind the affine layers the model begins with.

        Their transpose is linear, so it runs once for each of a few groups of draws instead of once a draw;
        the spread of the groups gives the standard error.
        """
        images, stem = batch.images, executor.stem
        logits = executor.scores(images)
        classes = batch.target.choose(logits)
        groups = min(GROUPS, self.samples)
        share = (
            torch.bincount(torch.arange(self.samples) * groups // self.samples).to(images.device)
            / self.samples
        )
        sums: list[Tensor] = []
        for noisy, index, draw in self.noisy_blocks(executor, batch):
            points = stem.forward_block(executor.fill(noisy))[: len(noisy)]
            chosen = classes[index]
            gradients, _, _ = executor.beyond_stem.gradients(points, lambda logits, chosen=chosen: chosen)
            if not sums:
                shape = (len(images) * groups, *points.shape[1:])
                sums = [accumulator(points[:1].expand(shape)) for _ in gradients]
            group = index * groups + draw * groups // self.samples
            for total, gradient in zip(sums, gradients, strict=True):
                ops.path_accumulate_(
                    total, gradient, group, torch.full_like(draw, 1, dtype=total.dtype) / self.samples
                )
        attribution, errors = [], []
        for total in sums:
            parts = stem.pull_back(total).unflatten(0, (len(images), groups))
            mean = sum(parts.unbind(1))
            weight = share.to(mean).reshape(-1, 1, 1, 1)
            spread = sum((weight * (parts / weight - mean.unsqueeze(1)).square()).unbind(1))
            attribution.append(mean.to(images.dtype))
            errors.append((spread / max(groups - 1, 1)).sqrt().to(images.dtype))
        evaluations = torch.full((len(images),), self.samples, dtype=torch.int64, device=images.device)
        return Maps(attribution, classes, logits.gather(1, classes), evaluations, standard_error=errors)


@register("smoothgrad_squared", family="noise")
class SmoothGradSquared(_Noisy):
    """Mean of the squares of a method's maps over noisy copies of the image (Hooker et al. 2019).

    Options as :class:`SmoothGrad`.
    """

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        return self.mean(executor, batch, square=True)


@register("vargrad", family="noise")
class VarGrad(_Noisy):
    """Variance of a method's maps over noisy copies of the image (Adebayo et al. 2018).

    Options as :class:`SmoothGrad`. The variance divides by ``samples``; its standard error is that of a
    normal sample, variance · sqrt(2 / (samples - 1)).
    """

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        maps, moments = self.moments(executor, batch)
        variances = [moment.variance() for moment in moments]
        factor = (2 / max(self.samples - 1, 1)) ** 0.5
        maps.attribution = [variance.to(batch.images.dtype) for variance in variances]
        maps.standard_error = [(variance * factor).to(batch.images.dtype) for variance in variances]
        maps.expected = None
        return maps
