"""SmoothGrad: the mean of a method's maps over noisy copies of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.methods.blocks import by_blocks
from pyxai.methods.gradient.gradient import Gradient
from pyxai.methods.noise.noisy import Noisy
from pyxai.methods.per_image import accumulator
from pyxai.methods.request import Maps, Request

GROUPS = 5  # of draws, whose means give the standard error where single draws are never seen


class SmoothGrad(Noisy):
    """Mean of a method's maps over noisy copies of the image (survey eq. 8; Smilkov et al. 2017)."""

    name = "smoothgrad"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        if isinstance(self.inner, Gradient) and executor.stem.deep:
            # as many images at a time as a call has rows: their sums behind the stem are large
            return by_blocks(
                executor, request.images, lambda rows: self._behind_stem(executor, request[rows])
            )
        return self.mean(executor, request)

    def _behind_stem(self, executor: Executor, request: Request) -> Maps:
        """The mean gradient, summed behind the affine layers the model begins with.

        Their transpose is linear, so it runs once for each of a few groups of draws instead of once a draw;
        the spread of the groups gives the standard error.
        """
        images, stem = request.images, executor.stem
        logits = executor.scores(images)
        classes = request.target.choose(logits)
        groups = min(GROUPS, self.samples)
        share = (
            torch.bincount(torch.arange(self.samples, device="cpu") * groups // self.samples) / self.samples
        ).to(images.device)
        sums: list[Tensor] = []
        for noisy, index, draw in self.noisy_blocks(executor, request):
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
