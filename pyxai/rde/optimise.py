"""The optimisation of masks, many images at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.checks import expect, non_negative, positive, whole
from pyxai.rde.distortions import Distortion, LabelDifference, probabilities, probability
from pyxai.rde.obfuscations import Constant, Gaussian, Obfuscation
from pyxai.rde.optimisers import Adam, Optimiser
from pyxai.rde.representations import Representation, Wavelets
from pyxai.rde.scene import Scene, scene

RANGE_SLACK = 1e-5  # of the range from black to white: pixels may come from a normalisation that rounds


@dataclass(frozen=True)
class Explained:
    """What became of N images.

    Attributes:
        mask: (N, K) in [0, 1].
        picture: (N, 1 or C, H, W) in [0, 1], the inverse of the mask times the coefficients of the grey image
            (or of the image), clamped.
        distortion: (N,), the expected distortion under the final mask, over fresh draws.
        kept: (N,), ‖m‖₁ / K.
        probability: (N,), mean probability of the target under the final mask, over those draws; of a model
            with one output, a value, its mean.
        image_probability: (N,), that of the image.
        predicted: (N,) int64, the class of highest mean probability over those draws; of labels with
            probabilities of their own, 1 where the one explained holds, else 0.
        losses: (N, steps) float64, the loss of every step; NaN behind the last one.
        steps: (N,) int64, steps made.
    """

    mask: Tensor
    picture: Tensor
    distortion: Tensor
    kept: Tensor
    probability: Tensor
    image_probability: Tensor
    predicted: Tensor
    losses: Tensor
    steps: Tensor


@dataclass(frozen=True)
class RateDistortion:
    """How masks are found.

    Args:
        representation, obfuscation, distortion, optimiser: the four parts.
        sparsity: λK, the price of keeping everything; of 0, images come back whole and nothing is optimised
            if the distortion is least there.
        steps: N, at most.
        samples: L, draws of the obfuscation in a step.
        spatial: price of the mean of the picture, an ℓ1 norm in pixels (Kolek et al. 2023).
        tolerance: an image stops once its loss, averaged over ``window`` steps, is not below (1 - tolerance)
            times that of the ``window`` steps before. None makes all steps.
        start: mask to start from, (K,) or (N, K); None for ones.
        colour: whether the picture has the image's channels instead of their mean.
        seed: of the noise. A draw depends on (seed, sample id, number of the draw, coefficient).
    """

    representation: Representation = field(default_factory=Wavelets)
    obfuscation: Obfuscation = field(default_factory=Gaussian)
    distortion: Distortion = field(default_factory=LabelDifference)
    optimiser: Optimiser = field(default_factory=Adam)
    sparsity: float = 20.0
    steps: int = 2000
    samples: int = 64
    spatial: float = 0.0
    tolerance: float | None = None
    window: int = 20
    start: Tensor | None = None
    colour: bool = False
    seed: int = 0

    def __post_init__(self):
        non_negative("sparsity", self.sparsity)
        non_negative("spatial", self.spatial)
        whole("steps", self.steps, 1)
        whole("samples", self.samples, 1)
        whole("window", self.window, 1)
        whole("seed", self.seed)
        if self.tolerance is not None:
            positive("tolerance", self.tolerance)

    def explain(
        self,
        executor: Executor,
        images: Tensor,
        target: Tensor,
        ids: Tensor,
        black: Tensor,
        white: Tensor,
        scores: Tensor,
    ) -> Explained:
        """Masks of ``images`` (N, C, H, W) for the classes ``target`` (N,).

        Args:
            executor: of the model.
            ids: (N,), keys of the noise.
            black, white: (C,), the ends of the images' range; masks are found in [0, 1].
            scores: (N, classes), the model's for the images. Probabilities are those that its kind of output
                stands for; see :meth:`pyxai.capture.output.kinds.Output.log_odds`.
        """
        self.representation.check(tuple(images.shape[1:]))
        unit = _unit(images, black, white)
        broken = (~scores.isfinite().all(1)).nonzero().flatten().tolist()
        expect(not broken, "model", "return finite scores", f"NaN or infinity for image {broken[:1]}")
        has_classes = scores.shape[1] > 1 or self.distortion.of_values
        wanted = "have classes, with probabilities, for this distortion"
        expect(has_classes, "model", wanted, "one value per image")
        run = _Run(self, executor, unit, target, ids, black, white, scores)
        mask = self._first_mask(run.scene)
        losses = torch.full((len(images), self.steps), torch.nan, dtype=torch.float64, device=images.device)
        steps = run.minimise(mask, losses) if self._worth_it(mask) else [0] * len(images)
        return run.result(mask, losses, steps)

    def _first_mask(self, of: Scene) -> Tensor:
        shape = (len(of.images), of.size)
        if self.start is None:
            return of.coefficients.new_ones(shape)
        wanted = f"have shape ({shape[1]},) or {shape}"
        expect(self.start.shape in (shape[1:], shape), "start", wanted, tuple(self.start.shape))
        mask = self.start.to(of.coefficients).expand(shape).contiguous().clone()
        expect(bool(((mask >= 0) & (mask <= 1)).all()), "start", "lie in [0, 1]", "other values")
        return mask

    def _worth_it(self, mask: Tensor) -> bool:
        """Whether a step could help: Adam would make steps of full size of mere rounding."""
        free = self.sparsity == 0 and self.spatial == 0
        return not (free and self.distortion.least_at_image and bool((mask == 1).all()))


class _Run:
    """The state of one optimisation."""

    def __init__(self, how: RateDistortion, executor: Executor, unit, target, ids, black, white, scores):
        self.how, self.executor, self._explained = how, executor, target
        self.scores, self.target = executor.program.output.log_odds(scores, target)
        self.scene = scene(how.representation, how.obfuscation, unit, ids, how.seed, black, white)
        plain = unit if how.colour else unit.mean(1, keepdim=True)
        ends = plain.new_zeros(plain.shape[1]), plain.new_ones(plain.shape[1])
        self.pictures = scene(how.representation, Constant(0.0), plain, ids, how.seed, *ends)
        wanted = f"give K = {self.scene.size} for one channel too, or `colour` be set"
        expect(self.pictures.size == self.scene.size, "representation", wanted, self.pictures.size)

    def minimise(self, mask: Tensor, losses: Tensor) -> list[int]:
        """Change ``mask`` (N, K) in place and note the ``losses``; images leave when they are done.

        Returns the steps that each image made.
        """
        how = self.how
        movers = [how.optimiser.start() for _ in mask]
        made = [how.steps] * len(mask)
        active = list(range(len(mask)))
        images = torch.arange(len(mask), device=mask.device)
        price = how.sparsity / mask.shape[1]
        gradient = torch.zeros_like(mask)
        for step in range(how.steps):
            gradient.zero_()
            distortions = self._distortions(mask, images, step, gradient)
            spatial = self._spatial(mask, images, gradient)
            for place, image in enumerate(active):
                row = mask[image]
                norm = row.sum(dtype=torch.float64)
                losses[image, step] = distortions[place].mean() + price * norm + spatial[place]
                movers[image](row, gradient[image].add_(row.sign(), alpha=price))
                row.clamp_(0, 1)
            count = step + 1
            if count % how.window and count < how.steps:
                continue  # looking at the losses waits for the device
            self._expect_finite(losses[images, :count], images, "loss in step {}")
            settled = {image for image in active if self._settled(losses[image, :count])}
            if settled:
                made = [count if image in settled else steps for image, steps in enumerate(made)]
                active = [image for image in active if image not in settled]
                images = torch.tensor(active, device=mask.device)
            if not active:
                break
        return made

    def _expect_finite(self, values: Tensor, images: Tensor, what: str) -> None:
        """``values`` (n, steps) of ``images`` (n,) are finite; else the first that is not is named."""
        for place, step in (~values.isfinite()).nonzero()[:1].tolist():
            wanted = "return finite scores and gradients for obfuscated images"
            got = f"{float(values[place, step])} as {what.format(step + 1)} of image {int(images[place])}"
            expect(False, "model", wanted, got)

    def _settled(self, losses: Tensor) -> bool:
        how = self.how
        if how.tolerance is None or len(losses) < 2 * how.window:
            return False
        before, now = losses[-2 * how.window :].reshape(2, how.window).mean(1)
        return bool(now >= (1 - how.tolerance) * before)

    def _draws(self, images: Tensor, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Image and number of every draw of ``step``, (r,) each, a model call's worth at a time."""
        samples = self.how.samples
        for block in self.executor.blocks(len(images) * samples):
            row = torch.arange(block.start, block.stop, device=images.device)
            yield images[row // samples], step * samples + row % samples

    def _distortion(self, scores: Tensor, index: Tensor) -> Tensor:
        return self.how.distortion(self._log_odds(scores, index), self.scores[index], self.target[index])

    def _log_odds(self, scores: Tensor, index: Tensor) -> Tensor:
        wide = scores.to(self.scores.dtype)  # the model may run in bfloat16
        return self.executor.program.output.log_odds(wide, self._explained[index])[0]

    def _distortions(self, mask: Tensor, images: Tensor, step: int, gradient: Tensor) -> Tensor:
        """Distortions (n, L) float64 of the draws of ``step``; the gradient of each image's mean is added."""
        found = []
        for index, draws in self._draws(images, step):
            points = self.scene.obfuscated(mask, index, draws)
            grad, values, _ = self.executor.value_gradients(
                points, lambda scores, index=index: self._distortion(scores, index)
            )
            self.scene.pull_(gradient, grad.to(points.dtype) / self.how.samples, points, index, draws)
            found.append(values.double())
        return torch.cat(found).unflatten(0, (-1, self.how.samples))

    def _spatial(self, mask: Tensor, images: Tensor, gradient: Tensor) -> Tensor:
        """Price of the pictures' means, (n,); its gradient is added."""
        if not self.how.spatial:
            return torch.zeros_like(images, dtype=torch.float64)
        draws = torch.zeros_like(images)
        found = []
        for part in images.split(self.executor.rows):
            pictures = self.pictures.obfuscated(mask, part, draws[: len(part)])
            share = self.how.spatial / pictures[0].numel()
            grad = torch.full_like(pictures, share)
            self.pictures.pull_(gradient, grad, pictures, part, draws[: len(part)])
            found += [share * picture.sum(dtype=torch.float64) for picture in pictures]
        return torch.stack(found)

    def result(self, mask: Tensor, losses: Tensor, steps: list[int]) -> Explained:
        """What is known of the final ``mask``, over draws that no step has seen."""
        everyone = torch.arange(len(mask), device=mask.device)
        distortions, found = [], []
        for index, draws in self._draws(everyone, self.how.steps):
            scores = self.executor.scores(self.scene.obfuscated(mask, index, draws))
            distortions.append(self._distortion(scores, index).double())
            found.append(probabilities(self._log_odds(scores, index)))
        rows = (-1, self.how.samples)
        distortion = torch.stack([image.mean() for image in torch.cat(distortions).unflatten(0, rows)])
        means = torch.stack([image.mean(0) for image in torch.cat(found).unflatten(0, rows)])
        self._expect_finite(distortion[:, None], everyone, "distortion after the last step")
        pictures = [
            self.pictures.obfuscated(mask, part, torch.zeros_like(part))
            for part in everyone.split(self.executor.rows)
        ]
        return Explained(
            mask=mask,
            picture=torch.cat(pictures).contiguous(),
            distortion=distortion,
            kept=torch.stack([row.mean(dtype=torch.float64) for row in mask]),
            probability=means.gather(1, self.target[:, None])[:, 0],
            image_probability=probability(self.scores, self.target),
            predicted=means.argmax(1),
            losses=losses,
            steps=torch.tensor(steps, device=mask.device),
        )


def _unit(images: Tensor, black: Tensor, white: Tensor) -> Tensor:
    """``images`` with black at 0 and white at 1."""
    black, white = black[:, None, None], white[:, None, None]
    unit = (images - black) / (white - black)
    least, greatest = (float(end) for end in torch.aminmax(unit))
    inside = least >= -RANGE_SLACK and greatest <= 1 + RANGE_SLACK
    low, high = (float(end) for end in torch.aminmax(images))
    wanted = "lie between `low` and `high` (black and white, by default 0 and 1)"
    expect(inside, "images", wanted, f"values from {low:.4g} to {high:.4g}")
    return unit.clamp(0, 1)
