"""The optimisation that shows what attributions at a layer stand for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.checks import expect, positive, whole
from pyxai.visualization.adam import Adam
from pyxai.visualization.area import otsu_area
from pyxai.visualization.canvas import Canvas
from pyxai.visualization.noise import fractal_noise
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
        mask: (N, H, W) in [0, 1].
        area: (N,) float64, β, the mean that the mask shall have.
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
    code has others the argument says so.

    Args:
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
        whole("depth", self.depth, 0)
        whole("seed", self.seed)
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
        return _Run(self, executor, attributions, intensity, ids, size, black, white).minimised()


class _Run:
    """The state of one optimisation."""

    def __init__(self, how, executor, attributions, intensity, ids, size, black, white):
        self.how, self.ids, self.size = how, ids, size
        self.values = executor.of_units(executor.layer, None)
        self.black, self.range = black[:, None, None], (white - black)[:, None, None]
        self.weights = attributions.flatten(1).to(torch.promote_types(attributions.dtype, torch.float32))
        self.share = 2 / intensity[0].numel() if how.reduction == "mean" else 1.0
        self.price = how.lambda_scale * torch.stack([row.clamp(min=0).sum() for row in self.weights])
        self.canvas = Canvas(size, self.weights)
        self.area = self._area(intensity)
        nowhere = (self.price == 0).nonzero().flatten().tolist()
        if nowhere:
            warnings.warn(
                f"no attribution of row {nowhere[0]} is positive ({len(nowhere)} rows are so): the area of "
                "its mask has no price",
                stacklevel=5,
            )

    def _area(self, intensity: Tensor) -> Tensor:
        """β of each row."""
        if self.how.beta is not None:
            return torch.full_like(intensity[:, 0, 0], self.how.beta, dtype=torch.float64)
        flat = intensity.flatten(1)
        constant = (flat.amax(1) == flat.amin(1)).nonzero().flatten().tolist()
        if constant:
            warnings.warn(
                f"the intensity map of row {constant[0]} is constant ({len(constant)} rows are so): its mask "
                "shall keep all, as nothing stands out",
                stacklevel=6,
            )
        return (self.how.beta_scale * otsu_area(intensity)).clamp(max=1)

    def minimised(self) -> Visualized:
        how = self.how
        spectra = self.canvas.start(self.ids, how.seed)
        adam = Adam(spectra)
        rates = Rates(how.learning_rate, how.steps, how.decay, len(spectra), spectra.device)
        losses = torch.zeros(len(spectra), how.steps, dtype=torch.float64, device=spectra.device)
        for step in range(how.steps):
            gradient = torch.empty_like(spectra)
            for rows in self.values.blocks(len(spectra)):
                gradient[rows], losses[rows, step] = self._step(spectra[rows], rows, step)
            adam.step(gradient, rates(losses[:, step]))
            tell(step + 1, how.steps)
        broken = (~losses.isfinite()).nonzero()[:1].tolist()
        got = f"{float(losses[tuple(broken[0])])} as loss of row {broken[0][0]}" if broken else ""
        expect(not broken, "model", "return finite values of the layer", got)
        parts = [self.canvas(spectra[rows]) for rows in self.values.blocks(len(spectra))]
        image, mask = (torch.cat(part) for part in zip(*parts, strict=True))
        kept = torch.stack([row.mean(dtype=torch.float64) for row in mask])
        picture = GREY + mask[:, None] * (image - GREY)
        return Visualized(picture, image, mask, self.area, kept, losses)

    def _step(self, spectra: Tensor, rows: slice, step: int) -> tuple[Tensor, Tensor]:
        """The gradient of the loss of each row by its spectra, and the losses (n,)."""
        how, ids, weights = self.how, self.ids[rows], self.weights[rows]
        noise = fractal_noise(
            ids,
            step,
            self.size,
            depth=how.depth,
            seed=ops.derive_seed(how.seed, "pyramid"),
            shared_spectrum=how.shared_spectrum,
            dtype=spectra.dtype,
        )
        with torch.enable_grad():
            leaf = spectra.detach().requires_grad_()
            image, mask = self.canvas(leaf)
            filled = ops.pyramid_fill(image, mask, noise, how.lookup == "interpolate")
            seen = self._seen(filled, mask, ids, step)
            points = self.black + self.range * seen[:, : self.size[0]]
            off = self._means(mask) - self.area[rows].to(mask)
            wrong = off.square()
            if how.penalty == "both":
                wrong = wrong + (self._means(seen[:, -1]) - self.area[rows].to(mask)).square()
            penalty = self.price[rows] * price_factor(step, how.steps, how.growth) * wrong
        by_points, losses, _ = self.values.value_gradients(
            points.detach(), lambda values: -self.share * self._products(values, weights)
        )
        penalties = torch.ones_like(penalty)
        torch.autograd.backward([points, penalty], [by_points.to(points), penalties])
        return leaf.grad, losses.double() + penalty.detach().double()

    def _seen(self, filled: Tensor, mask: Tensor, ids: Tensor, step: int) -> Tensor:
        """What a transform makes of filled images, and of their masks where these are asked for."""
        if self.how.penalty == "both":
            filled = torch.cat([filled, mask[:, None]], 1)
        return self.how.transforms(filled, ids, step, self.how.seed)

    @staticmethod
    def _products(values: Tensor, weights: Tensor) -> Tensor:
        """Σ f R of each row, by itself."""
        return torch.stack([(one * own).sum() for one, own in zip(values, weights.to(values), strict=True)])

    @staticmethod
    def _means(masks: Tensor) -> Tensor:
        return torch.stack([mask.mean() for mask in masks])
