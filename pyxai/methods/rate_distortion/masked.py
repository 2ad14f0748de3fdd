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

# Steps, draws per step and learning rate. "fast" was chosen by `benchmarks/bench_rde_presets.py`.
PRESETS = {"fast": (50, 8, 0.1), "paper": (2000, 64, 0.001)}


class Masked(Method):
    """The options that masks on every representation share.

    Attributes:
        preset: The values of ``steps``, ``samples`` and ``learning_rate`` where they are not given: ``fast``
            is 50, 8 and 0.1, ``paper`` is 2000, 64 and 0.001.
        sparsity: λ times the number of coefficients: what keeping every coefficient costs. Kolek et al. take
            20 to 80 for wavelets. With 0 every coefficient is kept.
        steps: The number of steps of the optimiser, at most. None takes the preset's.
        samples: The number of draws of the noise in a step. None takes the preset's.
        learning_rate: The learning rate of Adam. None takes the preset's.
        obfuscation: What stands in for what the mask leaves out: ``gaussian`` noise with the mean and
            deviation of the image's own coefficients at each scale, ``uniform`` noise, ``zero``, ``blur``, or
            a :class:`pyxai.rde.Obfuscation`.
        distortion: How the change of the decision is measured: ``label`` and ``maximise_label`` look at the
            class explained, ``l2`` and ``kl`` at all probabilities; or a :class:`pyxai.rde.Distortion`.
        tolerance: An image stops once its loss, averaged over 20 steps, has fallen by less than this fraction
            of its average over the 20 steps before. None makes all steps.
        start: The mask to start from, (K,) or (N, K) values in [0, 1] for K coefficients. None starts from
            ones.
        low: The value of black in the model's input space, one number or one for each channel.
            ``preprocess`` sets it, on the command line the model's own.
        high: The value of white, as ``low``.
        seed: The seed of the noise. A draw depends on the seed, the sample's id, the number of the draw and
            the coefficient, and on nothing else.
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
        self.fill_in(dict(zip(("steps", "samples", "learning_rate"), PRESETS[self.preset], strict=True)))
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
