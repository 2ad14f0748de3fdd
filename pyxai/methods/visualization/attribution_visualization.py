"""Pictures of what the attributions at a layer stand for."""

from __future__ import annotations

from dataclasses import field, fields
from functools import cached_property
from typing import Any, Literal

import torch

from pyxai.capture.executor import Executor
from pyxai.checks import expect, per_channel
from pyxai.methods.method import Method
from pyxai.methods.neuron.one_layer import OneLayer
from pyxai.methods.request import Maps, Request
from pyxai.methods.table import build, get_method
from pyxai.methods.wrapped import OfInner
from pyxai.visualization import Transforms, Visualization


class AttributionVisualization(OneLayer):
    """A picture whose features at a layer are those that count for a class (Shi et al. 2023).

    An image and a mask are optimised so that the layer's values are large where its attributions are, and so
    that the mask keeps no more of the image than these take; noise with the spectra of natural pictures
    stands where it keeps nothing. The map is the picture in [0, 1], grey where the mask is 0; ``extras`` has
    ``image``, ``mask``, the mean ``kept`` of the mask, and the ``area`` that it shall be.

    Attributes:
        attribution: The name of the method of the family ``neuron`` whose values at the layer are shown.
        attribution_options: Its options. On the command line they are written ``--set attribution.steps=50``.
        steps: The number of steps of Adam. The paper tells none; the authors' code has 2048.
        learning_rate: The rate of 2048 steps; with fewer each step is as much larger.
        lambda_scale: The price λ of a wrong area starts from this many times the sum of the positive
            attributions. 4 to 16 keep closer to the area; the authors' code has 20.
        beta: The area, between 0 and 1, that the mask shall keep. None takes the part of the layer's places
            above Otsu's threshold of the attributions.
        beta_scale: What that part is multiplied by; the authors' code has 0.5.
        depth: D; the noise has D + 1 levels.
        lookup: The level of the noise by the ``interval`` that the mask lies in, or ``interpolate`` between
            two, as the authors' code does.
        shared_spectrum: Whether all levels of the noise filter one spectrum, which is faster.
        reduction: Of the objective: the ``sum`` over the layer, or twice the ``mean`` over its places, as
            the authors' code has it.
        penalty: Whose mean shall be the area: the ``mask``'s, or of ``both`` it and the transformed mask, as
            the authors' code has it.
        growth: How λ grows: by 1.2 at every one of the ``tenths`` of the steps, or ``continuous`` by 1.23 in
            each, as the authors' code has it.
        decay: How the rate falls: where the ``loss`` stalls, or by ``steps``, to 0.8 in each tenth, as the
            authors' code has it.
        jitter: Pixels of the two jitters in an image of 224; the authors' code has 8 and 2.
        scale: The least and the greatest factor of the random scale; the authors' code has 0.9 and 1.19.
        rotate: The greatest angle of the random rotation, in degrees.
        shear: The greatest angle of the random shear, in degrees; the authors' code has 0.
        edge: How transformed images go on beyond their border: by ``reflection``, or by ``zeros`` behind
            12 pixels of it, as in the authors' code.
        low: The value of black in the model's input space, one number or one for each channel.
            ``preprocess`` sets it, on the command line the model's own.
        high: The value of white, as ``low``.
        seed: The seed of all that is drawn, which depends on it, the sample's id and the step alone.
    """

    name = "attribution_visualization"
    keep = "attribution"

    attribution: str = "aumann_shapley"
    attribution_options: dict = field(default_factory=dict)
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
    growth: Literal["tenths", "continuous"] = "tenths"
    decay: Literal["loss", "steps"] = "loss"
    jitter: tuple = (9, 4)
    scale: tuple = (0.9, 1.3)
    rotate: float = 12.0
    shear: float = 4.0
    edge: Literal["reflection", "zeros"] = "reflection"
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    seed: int = 0

    needs = OfInner()

    def settle(self) -> None:
        super().settle()
        options, wanted = self.attribution_options, ("attribution_options", "be a dictionary")
        expect(isinstance(options, dict), *wanted, type(options).__name__, TypeError)
        values = get_method(self.attribution)
        shown = values.of_layer and "layer" in values.options()
        expect(shown, "attribution", "have values for each unit of a layer", repr(self.attribution))
        self.inner, self.how  # noqa: B018  checks the options

    @cached_property
    def inner(self) -> Method:
        """What attributes; one that draws has this seed unless told otherwise."""
        given = {"layer": self.layer, "seed": self.seed}
        options = get_method(self.attribution).options()
        return build(
            self.attribution,
            {name: value for name, value in given.items() if name in options} | self.attribution_options,
        )

    @property
    def how(self) -> Visualization:
        """What the options stand for."""
        return Visualization(transforms=Transforms(**self._of(Transforms)), **self._of(Visualization))

    def _of(self, part: type) -> dict[str, Any]:
        """The options that are fields of a part."""
        names = (entry.name for entry in fields(part))
        return {name: getattr(self, name) for name in names if name in self.options()}

    @property
    def layers(self) -> tuple[str, ...]:
        return self.inner.layers

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, name = request.images, executor.layer
        layout = executor.program.survey.layout(name)
        places = layout.size[0] * layout.size[-1]
        expect(places > 1, "layer", "have more than one place over the image", repr(name))
        ends = [per_channel(end, getattr(self, end), images.shape[1], images) for end in ("low", "high")]
        expect(bool((ends[0] != ends[1]).all()), "high", "differ from `low`", self.high)
        maps = self.inner.attribute(executor, request)
        found = [
            self.how(
                executor, values, layout.maps(values).sum(1), request.ids, tuple(images.shape[1:]), *ends
            )
            for values in maps.attribution
        ]
        steps = self.steps * len(found)
        return Maps(
            attribution=[one.picture.to(images.dtype) for one in found],
            target=maps.target,
            score=maps.score,
            evaluations=maps.evaluations + torch.full_like(maps.evaluations, steps),
            extras={
                part: [getattr(one, part) for one in found] for part in ("image", "mask", "area", "kept")
            },
        )
