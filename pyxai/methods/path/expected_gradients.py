"""Expected Gradients, known as GradientSHAP: path gradients at random points from random baselines."""

from __future__ import annotations

import torch

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.checks import non_negative, whole
from pyxai.methods.baselines import Baseline, baselines
from pyxai.methods.method import Method
from pyxai.methods.moments import Moments
from pyxai.methods.request import Maps, Request


class ExpectedGradients(Method):
    """Mean of (image - baseline) · gradient at a random point between them (Erion et al. 2021; GradientSHAP).

    Attributes:
        samples: The number of draws per image. Each draw picks a baseline, and a position on the line from it
            to the image, both uniformly.
        baseline: The baselines to draw from: a tensor (K, C, H, W), the same K for every image (of volumes
            (K, C, T, H, W)), or what ``integrated_gradients`` takes.
        low: The value of a black pixel in the model's input space, one number or one for each channel. It is
            read for ``baseline="black"`` only; ``preprocess`` sets it, on the command line the model's own.
        noise_scale: Standard deviation of the Gaussian noise added to the image in every draw, in the units
            of the model's input.
        seed: The seed of the draws. A draw depends on the seed, the sample's id and the number of the draw,
            and on nothing else.

    ``expected`` is f(image) - mean f(baseline) over the baselines drawn; the residual shows the sampling
    error.
    """

    name = "expected_gradients"
    volumes = True

    samples: int = 25
    baseline: Baseline = 0.0
    low: float | tuple = 0.0
    noise_scale: float = 0.0
    seed: int = 0

    def settle(self) -> None:
        whole("samples", self.samples, 1)
        non_negative("noise_scale", self.noise_scale)
        whole("seed", self.seed)

    def evaluations_per_image(self) -> int:
        return self.samples

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, device = request.images, request.images.device
        starts = torch.stack(
            [start.expand_as(images[:1]) if len(start) == 1 else start for start in self._starts(request)]
        )
        several, count = starts.shape[:2]
        logits = executor.scores(images)
        classes = request.target.choose(logits)
        reached = executor.scores(starts.flatten(0, 1)).unflatten(0, (several, count))
        expected = logits.gather(1, classes).double()
        real = torch.promote_types(images.dtype, torch.float32)
        scale = torch.full((len(images),), self.noise_scale, dtype=images.dtype, device=device)
        seeds = {stream: ops.derive_seed(self.seed, stream) for stream in ("baseline", "position", "noise")}
        share = torch.full((executor.rows,), -1 / self.samples, dtype=torch.float64, device=device)
        moments: list[Moments] = []
        for block in executor.blocks(len(images) * self.samples):
            row = torch.arange(block.start, block.stop, device=device)
            index, draw = row // self.samples, row % self.samples
            ids = request.ids[index]
            pick = (
                (several * ops.uniform_noise(ids, draw, seeds["baseline"], (1,))[:, 0])
                .long()
                .clamp(max=several - 1)
            )
            alpha = ops.uniform_noise(ids, draw, seeds["position"], (1,), dtype=real)[:, 0]
            own = index if count > 1 else torch.zeros_like(index)
            start, chosen = starts[pick, own], classes[index]
            end = (
                ops.add_noise(images, index, request.ids, draw, scale, seeds["noise"])
                if self.noise_scale
                else images[index]
            )
            points = ops.path_points(start, end, torch.arange(len(row), device=device), alpha)
            gradients, _, _ = executor.gradients(points, lambda logits, chosen=chosen: chosen)
            ops.path_accumulate_(
                expected, reached[pick, own].gather(1, chosen).double(), index, share[: len(row)]
            )
            rows = [(end - start) * gradient for gradient in gradients]
            moments = moments or [Moments(len(images), found) for found in rows]
            for moment, found in zip(moments, rows, strict=True):
                moment.update(found, index)
        return Maps(
            attribution=[moment.mean.to(images.dtype) for moment in moments],
            target=classes,
            score=logits.gather(1, classes),
            evaluations=torch.full((len(images),), self.samples, dtype=torch.int64, device=device),
            expected=expected,
            standard_error=[moment.standard_error().to(images.dtype) for moment in moments],
        )

    def _starts(self, request: Request) -> list:
        shared = isinstance(self.baseline, torch.Tensor) and self.baseline.ndim == request.images.ndim
        return baselines(self.baseline.unsqueeze(0) if shared else self.baseline, self.low, request.images)
