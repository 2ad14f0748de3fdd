"""The optimisation that shows what attributions at a layer stand for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, fields
from typing import Literal

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.checks import expect, one_of, positive, whole
from pyxai.visualization.adam import Adam
from pyxai.visualization.area import otsu_area
from pyxai.visualization.canvas import Canvas
from pyxai.visualization.fill import FILLS, Fill, FillName
from pyxai.visualization.progress import tell
from pyxai.visualization.schedule import Decay, Growth, Rates, price_factor
from pyxai.visualization.transforms import Transforms

GREY = 0.55
"""What a picture shows where its mask is 0."""


@dataclass(frozen=True)
class Visualized:
    """What became of N attributions.

    Attributes:
        picture: (N, C, H, W) in [0, 1], the image where the mask keeps it and grey elsewhere.
        image: (N, C, H, W) in [0, 1].
        mask: (N, H, W) in [0, 1]; 1 all over where there is none.
        area: (N,) float64, β, the mean that the mask shall have; 1 where there is none.
        kept: (N,) float64, the mean that it has.
        losses: (N, steps) float64.
    """

    picture: Tensor
    image: Tensor
    mask: Tensor
    area: Tensor
    kept: Tensor
    losses: Tensor


@dataclass(frozen=True)
class Visualization:
    """How attributions R at a layer f are made visible (Shi et al. 2023, eq. 5).

    An image X and a mask M minimise -Σ f(τ(M ⊗ X)) R + λ (mean M - β)², over random transforms τ and draws
    of the noise that ⊗ puts where the mask keeps little. Defaults are those of the paper; where the authors'
    code has others the argument says so. Without a mask it is -Σ f(τ(X)) R that X minimises.

    Args:
        masked: whether there is a mask. What is said below of it, its area and its fill is without meaning
            where there is none.
        fill: what ⊗ puts where the mask keeps little: the ``pyramid`` of fractal noise, ``fractal`` noise of
            one level, ``gaussian`` noise, the image under a ``blur``, or a ``constant``; see
            :mod:`pyxai.visualization.fill`. The code's Gaussian noise is drawn once and clipped to [0, 1].
        constant: that number. The code has 0.55.
        blur_sigma: standard deviation of that blur where the mask is 0, in pixels of an image of 224. The
            paper has 0.2, which blurs nothing that can be seen; 10 is the code's.
        steps: of Adam. The paper has no number; the code has 2048.
        learning_rate: of 2048 steps; with fewer each is as much larger.
        lambda_scale: λ starts from this many times Σ max(R, 0). The code has 20, and means in the objective.
        beta: β in (0, 1); None takes Otsu's part of the intensity map Σ_k R.
        beta_scale: what Otsu's part is multiplied by. The code has 0.5.
        depth: D; the pyramid has D + 1 levels.
        lookup: the level of the noise by the ``interval`` that a mask lies in, or ``interpolate`` between the
            two nearest, as the code does.
        shared_spectrum: all levels of a pyramid filter one spectrum, which is faster.
        reduction: of the objective's first term: ``sum``; ``mean`` over places, doubled, is the code's.
        penalty: whose mean is compared with β: that of the ``mask``; of ``both`` it and the transformed one,
            in two terms, is the code's.
        growth: of λ: ×1.2 at every tenth of the ``tenths``; ``continuous``, ×1.23 in each, is the code's.
        decay: of the rate: where the ``loss`` stalls; by ``steps``, to 0.8 in each tenth, is the code's.
        transforms: τ.
        seed: of the start, the noise and the transforms, which depend on (seed, id, step) alone.
    """

    masked: bool = True
    fill: FillName = "pyramid"
    constant: float = 0.5
    blur_sigma: float = 10.0
    steps: int = 2048
    learning_rate: float = 0.02
    lambda_scale: float = 1.0
    beta: float | None = None
    beta_scale: float = 1.0
    depth: int = 5
    lookup: Literal["interval", "interpolate"] = "interval"
    shared_spectrum: bool = False
    reduction: Literal["sum", "mean"] = "sum"
    penalty: Literal["mask", "both"] = "mask"
    growth: Growth = "tenths"
    decay: Decay = "loss"
    transforms: Transforms = field(default_factory=Transforms)
    seed: int = 0

    def __post_init__(self):
        whole("steps", self.steps, 1)
        whole("seed", self.seed)
        one_of("fill", self.fill, FILLS)
        for name in FILLS:
            self._made(name)  # checks its options
        for name in ("learning_rate", "lambda_scale", "beta_scale"):
            positive(name, getattr(self, name))
        if self.beta is not None:
            inside = isinstance(self.beta, float) and 0 < self.beta < 1
            expect(inside, "beta", "lie between 0 and 1", repr(self.beta))

    def __call__(
        self,
        executor: Executor,
        attributions: Tensor,
        intensity: Tensor,
        ids: Tensor,
        size: tuple[int, int, int],
        black: Tensor,
        white: Tensor,
    ) -> Visualized:
        """Images and masks of ``attributions`` (N, …).

        Args:
            executor: of the model; the attributions are of its one layer.
            intensity: (N, h, w), the attributions summed over channels.
            ids: (N,) int64, keys of all that is drawn.
            size: (C, H, W) of the images.
            black, white: (C,), the ends of the images' range in the model's input space.
        """
        values = executor.of_units(executor.layer, None)
        run = _Run(self, values, attributions.flatten(1), ids, size, black, white)
        area = self._area(intensity, run.price) if self.masked else None
        share = 2 / intensity[0].numel() if self.reduction == "mean" else 1.0
        return run.minimised(area, share)

    def of_scores(
        self,
        executor: Executor,
        weights: Tensor,
        ids: Tensor,
        size: tuple[int, int, int],
        black: Tensor,
        white: Tensor,
    ) -> Visualized:
        """Images without masks for which the weighted scores of a model are large: Σ_k w_k S_k.

        Args:
            executor: of the model with these scores, (N, K).
            weights: (N, K).
            ids, size, black, white: as of a call.
        """
        expect(not self.masked, "masked", "be False where scores are maximised", self.masked)
        return _Run(self, executor, weights, ids, size, black, white).minimised(None, 1.0)

    @property
    def filling(self) -> Fill:
        """What ``fill`` names, with its options."""
        return self._made(self.fill)

    def _made(self, name: str) -> Fill:
        return FILLS[name](**{entry.name: getattr(self, entry.name) for entry in fields(FILLS[name])})

    def _area(self, intensity: Tensor, price: Tensor) -> Tensor:
        """β of each row; with a warning where nothing stands out, or the area has no price."""
        nowhere = (price == 0).nonzero().flatten().tolist()
        if nowhere:
            warnings.warn(
                f"no attribution of row {nowhere[0]} is positive ({len(nowhere)} rows are so): the area of "
                "its mask has no price",
                stacklevel=5,
            )
        if self.beta is not None:
            return torch.full_like(intensity[:, 0, 0], self.beta, dtype=torch.float64)
        flat = intensity.flatten(1)
        constant = (flat.amax(1) == flat.amin(1)).nonzero().flatten().tolist()
        if constant:
            warnings.warn(
                f"the intensity map of row {constant[0]} is constant ({len(constant)} rows are so): its mask "
                "shall keep all, as nothing stands out",
                stacklevel=5,
            )
        return (self.beta_scale * otsu_area(intensity)).clamp(max=1)


class _Run:
    """The state of one optimisation.

    Args:
        how: the settings.
        scores: of the model whose scores (N, K) are maximised, each as much as its weight.
        weights: (N, K).
    """

    def __init__(self, how, scores, weights, ids, size, black, white):
        self.how, self.scores, self.ids, self.size = how, scores, ids, size
        self.black, self.range = black[:, None, None], (white - black)[:, None, None]
        self.weights = weights.to(torch.promote_types(weights.dtype, torch.float32))
        self.price = how.lambda_scale * torch.stack([row.clamp(min=0).sum() for row in self.weights])
        self.canvas = Canvas(size, self.weights, how.masked)
        self.filling = how.filling

    def minimised(self, area: Tensor | None, share: float) -> Visualized:
        """What the steps come to.

        Args:
            area: (N,) β; None without a mask.
            share: what the weighted scores are multiplied by.
        """
        how, self.area, self.share = self.how, area, share
        spectra = self.canvas.start(self.ids, how.seed)
        adam = Adam(spectra)
        rates = Rates(how.learning_rate, how.steps, how.decay, len(spectra), spectra.device)
        losses = torch.zeros(len(spectra), how.steps, dtype=torch.float64, device=spectra.device)
        for step in range(how.steps):
            gradient = torch.empty_like(spectra)
            for rows in self.scores.blocks(len(spectra)):
                gradient[rows], losses[rows, step] = self._step(spectra[rows], rows, step)
            adam.step(gradient, rates(losses[:, step]))
            tell(step + 1, how.steps)
        broken = (~losses.isfinite()).nonzero()[:1].tolist()
        got = f"{float(losses[tuple(broken[0])])} as loss of row {broken[0][0]}" if broken else ""
        expect(not broken, "model", "return finite values of what is maximised", got)
        return self._visualized(spectra, losses)

    def _visualized(self, spectra: Tensor, losses: Tensor) -> Visualized:
        parts = [self.canvas(spectra[rows]) for rows in self.scores.blocks(len(spectra))]
        image = torch.cat([image for image, _ in parts])
        if self.area is None:
            mask = image.new_ones(len(image), *self.size[1:])
            whole = torch.ones_like(losses[:, 0])
            return Visualized(image, image, mask, whole, whole, losses)
        mask = torch.cat([mask for _, mask in parts])
        kept = torch.stack([row.mean(dtype=torch.float64) for row in mask])
        picture = GREY + mask[:, None] * (image - GREY)
        return Visualized(picture, image, mask, self.area, kept, losses)

    def _step(self, spectra: Tensor, rows: slice, step: int) -> tuple[Tensor, Tensor]:
        """The gradient of the loss of each row by its spectra, and the losses (n,)."""
        ids, weights = self.ids[rows], self.weights[rows]
        with torch.enable_grad():
            leaf = spectra.detach().requires_grad_()
            image, mask = self.canvas(leaf)
            filled = image if mask is None else self.filling(image, mask, ids, step)
            seen = self._seen(filled, mask, ids, step)
            points = self.black + self.range * seen[:, : self.size[0]]
            penalty = None if mask is None else self._penalty(seen, mask, rows, step)
        by_points, losses, _ = self.scores.value_gradients(
            points.detach(), lambda values: -self.share * self._products(values, weights)
        )
        ends, by_ends, losses = [points], [by_points.to(points)], losses.double()
        if penalty is not None:
            ends, by_ends = [points, penalty], [*by_ends, torch.ones_like(penalty)]
            losses = losses + penalty.detach().double()
        torch.autograd.backward(ends, by_ends)
        return leaf.grad, losses

    def _seen(self, filled: Tensor, mask: Tensor | None, ids: Tensor, step: int) -> Tensor:
        """What a transform makes of filled images, and of their masks where these are asked for."""
        if self.how.penalty == "both" and mask is not None:
            filled = torch.cat([filled, mask[:, None]], 1)
        return self.how.transforms(filled, ids, step, self.how.seed)

    def _penalty(self, seen: Tensor, mask: Tensor, rows: slice, step: int) -> Tensor:
        """What the areas of masks cost, (n,)."""
        how, area = self.how, self.area[rows].to(mask)
        wrong = (self._means(mask) - area).square()
        if how.penalty == "both":
            wrong = wrong + (self._means(seen[:, -1]) - area).square()
        return self.price[rows] * price_factor(step, how.steps, how.growth) * wrong

    @staticmethod
    def _products(values: Tensor, weights: Tensor) -> Tensor:
        """Σ f R of each row, by itself."""
        return torch.stack([(one * own).sum() for one, own in zip(values, weights.to(values), strict=True)])

    @staticmethod
    def _means(masks: Tensor) -> Tensor:
        return torch.stack([mask.mean() for mask in masks])
