"""CartoonX, Pixel RDE and rate-distortion explanations on any representation: see :mod:`pyxai.rde`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from pyxai.attribution.batch import Batch, Maps
from pyxai.attribution.registry import register
from pyxai.capture.executor import Executor
from pyxai.checks import expect, one_of
from pyxai.rde import (
    DISTORTIONS,
    OBFUSCATIONS,
    Adam,
    Distortion,
    Explained,
    Obfuscation,
    Optimiser,
    Pixels,
    RateDistortion,
    Representation,
    Wavelets,
)

# Steps, draws a step and learning rate. "fast" was chosen by `benchmarks/bench_rde_presets.py`.
PRESETS = {"fast": (50, 8, 0.1), "paper": (2000, 64, 0.001)}


@dataclass(frozen=True)
class _Masked:
    """The options that masks on every representation share; `CartoonX` documents them."""

    preset: Literal["fast", "paper"] = "fast"
    sparsity: float = 20.0
    steps: int | None = None
    samples: int | None = None
    learning_rate: float | None = None
    obfuscation: str | Obfuscation = "gaussian"
    distortion: str | Distortion = "label"
    tolerance: float | None = None
    start: Tensor | None = None
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    seed: int = 0

    def __post_init__(self):
        one_of("preset", self.preset, PRESETS)
        for name, value in zip(("steps", "samples", "learning_rate"), PRESETS[self.preset], strict=True):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self.how  # noqa: B018  checks the options

    def _representation(self) -> Representation:
        raise NotImplementedError

    def _optimiser(self) -> Optimiser:
        return Adam(self.learning_rate)

    @property
    def how(self) -> RateDistortion:
        """What these options stand for."""
        return RateDistortion(
            representation=self._representation(),
            obfuscation=_named("obfuscation", self.obfuscation, OBFUSCATIONS, Obfuscation),
            distortion=_named("distortion", self.distortion, DISTORTIONS, Distortion),
            optimiser=self._optimiser(),
            sparsity=self.sparsity,
            steps=self.steps,
            samples=self.samples,
            spatial=getattr(self, "spatial", 0.0),
            tolerance=self.tolerance,
            start=self.start,
            colour=getattr(self, "colour", False),
            seed=self.seed,
        )

    def rows_an_image(self) -> int:
        return self.samples

    def picture(self, found: Explained, shape: tuple[int, int]) -> Tensor:
        """(N, C or 1, H, W): what is returned as the attribution."""
        return found.picture

    def attribute(self, executor: Executor, batch: Batch) -> Maps:
        images, method = batch.images, batch.method
        scores = executor.scores(images)
        classes = batch.target.choose(scores)
        ends = [_ends(method, name, getattr(self, name), images) for name in ("low", "high")]
        expect(bool((ends[0] != ends[1]).all()), method, "high", "differ from `low`", self.high)
        found = [
            self.how.explain(executor, images, target, batch.ids, *ends, scores, method)
            for target in classes.unbind(1)
        ]
        return Maps(
            attribution=[self.picture(one, images.shape[2:]).to(images.dtype) for one in found],
            target=classes,
            score=scores.gather(1, classes),
            evaluations=torch.stack([one.steps for one in found]).sum(0) * self.samples,
            extras={
                name: [getattr(one, name) for one in found]
                for name in (field.name for field in dataclasses.fields(Explained))
                if name != "picture"
            },
        )


@register("cartoonx", family="rate-distortion", colour=False)
class CartoonX(_Masked):
    """The piece-wise smooth part of the image that suffices for the decision (Kolek et al. 2022).

    Algorithm 1: a mask on the wavelet coefficients, optimised so that the decision survives noise in what it
    leaves out. The map is the picture of what it keeps, in [0, 1].

    Attributes:
        preset: ``paper`` (2000 steps, 64 draws, learning rate 0.001) or ``fast``; sets the options below that
            are not given.
        sparsity: λ times the number of coefficients; the paper takes 20 to 80. 0 gives the grey image.
        steps, samples, learning_rate: of Adam; ``samples`` is L, the draws of the noise in a step.
        obfuscation: of what the mask leaves out: ``gaussian`` (adaptive, by scale), ``uniform``, ``zero``,
            ``blur``, or a :class:`pyxai.rde.Obfuscation`.
        distortion: ``label``, ``maximise_label``, ``l2``, ``kl``, or a :class:`pyxai.rde.Distortion`.
        tolerance: stop an image early; see :class:`pyxai.rde.RateDistortion`. None makes all steps.
        start: mask to start from.
        low, high: black and white in the model's input space, a number or one a channel.
        seed: of the noise. A draw depends on (seed, sample id, number of the draw, coefficient).
        wavelet, levels, padding: see :class:`pyxai.rde.Wavelets`.
        spatial: price of the mean of the picture (Kolek et al. 2023).
        colour: a picture in colour; else of the mean of the channels.
    """

    wavelet: str = "db3"
    levels: int = 5
    padding: str = "zero"
    spatial: float = 0.0
    colour: bool = False

    def _representation(self) -> Representation:
        return Wavelets(self.wavelet, self.levels, self.padding)


@register("pixel_rde", family="rate-distortion", colour=False)
class PixelRDE(_Masked):
    """The pixels that suffice for the decision (Macdonald et al. 2019; Kolek et al. 2022, Pixel RDE).

    The map is the mask.

    Attributes:
        sparsity: as for :class:`CartoonX`; the paper takes 3 to 20.
        preset, steps, samples, learning_rate, obfuscation, distortion, tolerance, start, low, high, seed: as
            there.
    """

    sparsity: float = 10.0

    def _representation(self) -> Representation:
        return Pixels()

    def picture(self, found: Explained, shape: tuple[int, int]) -> Tensor:
        return found.mask.unflatten(1, (1, *shape))


@register("rate_distortion", family="rate-distortion", colour=False)
class AnyRateDistortion(_Masked):
    """A mask on any representation of the image (Kolek et al. 2022, §4).

    Attributes:
        representation: a :class:`pyxai.rde.Representation`.
        optimiser: a :class:`pyxai.rde.Optimiser`; None for Adam with ``learning_rate``.
        preset, sparsity, steps, samples, learning_rate, obfuscation, distortion, tolerance, start, low, high,
            seed, spatial, colour: as for :class:`CartoonX`.
    """

    representation: Representation = dataclasses.field(default_factory=Pixels)
    optimiser: Optimiser | None = None
    spatial: float = 0.0
    colour: bool = False

    def _representation(self) -> Representation:
        kind = type(self.representation).__name__
        expect(
            isinstance(self.representation, Representation), "", "representation", "be a Representation", kind
        )
        return self.representation

    def _optimiser(self) -> Optimiser:
        return self.optimiser or super()._optimiser()


def _named(name: str, value, table: dict, kind: type):
    """An entry of ``table``, or an object of its kind."""
    if isinstance(value, kind):
        return value
    one_of(name, value, table)
    return table[value]


def _ends(method: str, name: str, value: float | tuple, images: Tensor) -> Tensor:
    """``value`` as one number a channel."""
    ends = torch.as_tensor(value, dtype=images.dtype, device=images.device)
    count = images.shape[1]
    wanted = f"be a number or one for each of {count} channels"
    expect(ends.shape in ((), (count,)), method, name, wanted, value)
    return ends.expand(count).contiguous()
