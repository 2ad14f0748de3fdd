"""What SmoothGrad and its kin share: any method on noisy copies of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from functools import cached_property

import torch
from torch import Tensor

from pyxai import ops
from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.checks import expect, non_negative, whole
from pyxai.methods.method import Method
from pyxai.methods.moments import Moments
from pyxai.methods.request import Maps, Request
from pyxai.methods.table import build, get_method
from pyxai.methods.targets import Target
from pyxai.methods.wrapped import OfInner


class Noisy(Method):
    """The options that averages over noisy copies share.

    Attributes:
        of: The name of the method that is applied to every noisy copy.
        of_options: The options of that method. On the command line they are written ``--set of.steps=8``.
        samples: The number of noisy copies of each image.
        noise_scale: Standard deviation of the noise, relative to the image's range (max - min). The survey
            advises 0.1 to 0.2.
        seed: The seed of the noise. A draw depends on the seed, the sample's id, the number of the draw and
            the pixel, and on nothing else.
    """

    of: str = "gradient"
    of_options: dict = field(default_factory=dict)
    samples: int = 25
    noise_scale: float = 0.15
    seed: int = 0

    def settle(self) -> None:
        kind = type(self.of_options).__name__
        expect(isinstance(self.of_options, dict), "of_options", "be a dictionary", kind, TypeError)
        wrapped = get_method(self.of)
        if issubclass(wrapped, Noisy):
            raise ValueError(f"`of` must be a method that is not itself an average, got {self.of!r}")
        if wrapped.needs is Needs.NOTHING:
            raise ValueError(f"`of` must be a method that explains a model, got {self.of!r}")
        self.inner  # noqa: B018  checks the wrapped method's options
        whole("samples", self.samples, 1)
        non_negative("noise_scale", self.noise_scale)
        whole("seed", self.seed)

    @cached_property
    def inner(self) -> Method:
        """The wrapped method; one that draws noise of its own has this seed unless told otherwise."""
        seed = {"seed": self.seed} if "seed" in get_method(self.of).options() else {}
        return build(self.of, seed | self.of_options)

    needs = OfInner()
    per_channel = OfInner()
    volumes = OfInner()
    of_layer = OfInner()

    @property
    def layers(self) -> tuple[str, ...]:
        return self.inner.layers

    @property
    def units(self) -> str:
        return self.inner.units

    def evaluations_per_image(self) -> int:
        return self.samples * self.inner.evaluations_per_image()

    def noisy_blocks(self, executor: Executor, request: Request) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Full calls of noisy rows, image by image: rows (r, C, H, W), their image (r,), their draw (r,)."""
        images = request.images
        values = images.flatten(1)
        scale = self.noise_scale * (values.amax(1) - values.amin(1))
        for block in executor.blocks(len(images) * self.samples):
            row = torch.arange(block.start, block.stop, device=images.device)
            index, draw = row // self.samples, row % self.samples
            yield ops.add_noise(images, index, request.ids, draw, scale, self.seed), index, draw

    def moments(
        self, executor: Executor, request: Request, square: bool = False
    ) -> tuple[Maps, list[Moments]]:
        """Mean and variance of the wrapped method's maps (or of their squares) over the draws."""
        logits = executor.scores(request.images)
        classes = request.target.choose(logits)
        target = Target(classes, 0, request.target.single)
        moments: list[Moments] = []
        evaluations = torch.zeros(len(request.images), dtype=torch.int64, device=classes.device)
        expected = torch.zeros(classes.shape, dtype=torch.float64, device=classes.device)
        share = torch.full((executor.rows,), 1 / self.samples, dtype=torch.float64, device=classes.device)
        inner = self.inner
        for noisy, index, draw in self.noisy_blocks(executor, request):
            noisy = Request(noisy, target.take(index), mix_ids(request.ids[index], draw))
            found = inner.attribute(executor, noisy)
            if not moments:
                moments = [Moments(len(request.images), rows) for rows in found.attribution]
            for moment, rows in zip(moments, found.attribution, strict=True):
                moment.update(rows.square() if square else rows, index)
            evaluations.index_add_(0, index, found.evaluations)
            if found.expected is None:
                expected = None
            else:
                ops.path_accumulate_(expected, found.expected, index, share[: len(index)])
        score = logits.gather(1, classes)
        expected = None if square else expected
        return Maps([], classes, score, evaluations, expected, axes=found.axes), moments

    def mean(self, executor: Executor, request: Request, square: bool = False) -> Maps:
        """The mean of :meth:`moments` and its standard error."""
        maps, moments = self.moments(executor, request, square)
        maps.attribution = [moment.mean.to(request.images.dtype) for moment in moments]
        maps.standard_error = [moment.standard_error().to(request.images.dtype) for moment in moments]
        return maps


def mix_ids(ids: Tensor, draw: Tensor) -> Tensor:
    """Ids (r,) of the noisy copies number ``draw`` (r,) of samples, so that inner noise differs by copy."""
    odd = 0x9E3779B97F4A7C15 - 2**64  # golden ratio in 64 bits, as a signed number; the product wraps
    return ids ^ ((draw + 1) * odd)
