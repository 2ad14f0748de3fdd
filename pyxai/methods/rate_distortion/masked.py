"""What CartoonX, Pixel RDE and masks on other representations share: see :mod:`pyxai.rde`."""

from __future__ import annotations

import abc
import dataclasses
from typing import Literal

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.checks import expect, per_channel
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request
from pyxai.rde import (
    DISTORTIONS,
    OBFUSCATIONS,
    Adam,
    Distortion,
    Explained,
    Obfuscation,
    Optimiser,
    RateDistortion,
    Representation,
)

# Steps, draws a step and learning rate. "fast" was chosen by `benchmarks/bench_rde_presets.py`.
PRESETS = {"fast": (50, 8, 0.1), "paper": (2000, 64, 0.001)}


class Masked(Method):
    """The options that masks on every representation share.

    Attributes:
        preset: ``paper`` (2000 steps, 64 draws, learning rate 0.001) or ``fast``; sets the options below that
            are not given.
        sparsity: λ times the number of coefficients; Kolek et al. take 20 to 80 for wavelets. 0 gives the
            grey image.
        steps, samples, learning_rate: of Adam; ``samples`` is L, the draws of the noise in a step.
        obfuscation: of what the mask leaves out: ``gaussian`` (adaptive, by scale), ``uniform``, ``zero``,
            ``blur``, or a :class:`pyxai.rde.Obfuscation`.
        distortion: ``label``, ``maximise_label``, ``l2``, ``kl``, or a :class:`pyxai.rde.Distortion`.
        tolerance: stop an image early; see :class:`pyxai.rde.RateDistortion`. None makes all steps.
        start: mask to start from.
        low, high: black and white in the model's input space, a number or one for each channel.
        seed: of the noise. A draw depends on (seed, sample id, number of the draw, coefficient).
    """

    per_channel = False

    preset: Literal["fast", "paper"] = "fast"
    sparsity: float = 20.0
    steps: int | None = None
    samples: int | None = None
    learning_rate: float | None = None
    obfuscation: Literal["gaussian", "uniform", "zero", "blur"] | Obfuscation = "gaussian"
    distortion: Literal["label", "maximise_label", "l2", "kl"] | Distortion = "label"
    tolerance: float | None = None
    start: Tensor | None = None
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    seed: int = 0

    def settle(self) -> None:
        for name, value in zip(("steps", "samples", "learning_rate"), PRESETS[self.preset], strict=True):
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        self.how  # noqa: B018  checks the options

    @property
    @abc.abstractmethod
    def how(self) -> RateDistortion:
        """What these options stand for."""

    def of(
        self, representation: Representation, optimiser: Optimiser | None = None, **more
    ) -> RateDistortion:
        """What the shared options stand for with a mask on ``representation``.

        Args:
            optimiser: None for Adam with ``learning_rate``.
            more: further options of :class:`pyxai.rde.RateDistortion`.
        """
        obfuscation, distortion = self.obfuscation, self.distortion
        return RateDistortion(
            representation=representation,
            obfuscation=OBFUSCATIONS[obfuscation] if isinstance(obfuscation, str) else obfuscation,
            distortion=DISTORTIONS[distortion] if isinstance(distortion, str) else distortion,
            optimiser=optimiser or Adam(self.learning_rate),
            sparsity=self.sparsity,
            steps=self.steps,
            samples=self.samples,
            tolerance=self.tolerance,
            start=self.start,
            seed=self.seed,
            **more,
        )

    def evaluations_per_image(self) -> int:
        return self.samples

    def picture(self, found: Explained, shape: tuple[int, int]) -> Tensor:
        """(N, C or 1, H, W): what is returned as the attribution."""
        return found.picture

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images = request.images
        scores = executor.scores(images)
        classes = request.target.choose(scores)
        ends = [per_channel(end, getattr(self, end), images.shape[1], images) for end in ("low", "high")]
        expect(bool((ends[0] != ends[1]).all()), "high", "differ from `low`", self.high)
        found = [
            self.how.explain(executor, images, target, request.ids, *ends, scores)
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
