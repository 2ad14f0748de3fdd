"""Pictures of what the attributions at a layer stand for."""

from __future__ import annotations

from dataclasses import field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.grid import Layout
from pyxai.capture.needs import Needs
from pyxai.checks import expect, whole
from pyxai.methods.method import Method
from pyxai.methods.neuron.one_layer import OneLayer
from pyxai.methods.request import Maps, Request
from pyxai.methods.table import build, get_method
from pyxai.methods.visualization.optimised import Optimised
from pyxai.methods.wrapped import OfInner
from pyxai.visualization import check_channels, only_channels, strongest_channels


class AttributionVisualization(Optimised, OneLayer):
    """A picture whose features at a layer are those that count for a class (Shi et al. 2023).

    An image and a mask are optimised so that the layer's values are large where its attributions are, and so
    that the mask keeps no more of the image than these take; noise with the spectra of natural pictures
    stands where it keeps nothing. The map is the picture in [0, 1], grey where the mask is 0; ``extras`` has
    ``image``, ``mask``, the mean ``kept`` of the mask, and the ``area`` that it shall be.

    Attributes:
        attribution: The name of a method with a value for each unit of a layer: one of the family ``neuron``,
            or ``grad_cam``. With ``layer_activation`` and ``masked=False`` all feature maps are shown.
        attribution_options: Its options. On the command line they are written ``--set attribution.steps=50``.
        channels: Which channels of the layer are shown; the attributions of all others are 0. None shows all.
        strongest: Where it is given, so many channels take the place of the attributions: those with the
            largest attribution at any place, as far as it is positive, count alike at all places, and no
            others (the class-targeted neurons of Singla et al. 2021). The area is that of the attributions.
        masked: Whether there is a mask. Without one nothing is left out, the image is the picture, and no
            option of masks, areas and fills has a meaning.
        fill: What stands where the mask keeps little: the ``pyramid`` of fractal noise, ``fractal`` noise of
            one level, ``gaussian`` noise, the image under a ``blur``, or a ``constant``.
        constant: That number, where 0 is black and 1 is white; the authors' code has 0.55.
        blur_sigma: Standard deviation of that blur where the mask is 0, in pixels of an image of 224. The
            paper has 0.2, which blurs nothing that can be seen; 10 is that of the authors' code.
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
    """

    name = "attribution_visualization"

    attribution: str = "aumann_shapley"
    attribution_options: dict = field(default_factory=dict)
    channels: tuple | None = None
    strongest: int | None = None
    masked: bool = True
    fill: Literal["pyramid", "fractal", "gaussian", "blur", "constant"] = "pyramid"
    constant: float = 0.5
    blur_sigma: float = 10.0
    lambda_scale: float = 1.0
    beta: float | None = None
    beta_scale: float = 1.0
    depth: int = 5
    lookup: Literal["interval", "interpolate"] = "interval"
    shared_spectrum: bool = False
    reduction: Literal["sum", "mean"] = "sum"
    penalty: Literal["mask", "both"] = "mask"
    growth: Literal["tenths", "continuous"] = "tenths"

    needs = OfInner(least=Needs.GRADIENTS)

    def settle(self) -> None:
        super().settle()
        options, wanted = self.attribution_options, ("attribution_options", "be a dictionary")
        expect(isinstance(options, dict), *wanted, type(options).__name__, TypeError)
        has = get_method(self.attribution).has_unit_values
        expect(has, "attribution", "have values for each unit of a layer", repr(self.attribution))
        layers = self.inner.layers  # checks the options, too
        expect(len(layers) == 1, "layer", "be the name of one module", ", ".join(map(repr, layers)))
        if self.channels is not None:
            object.__setattr__(self, "channels", check_channels(self.channels))
        if self.strongest is not None:
            whole("strongest", self.strongest, 1)

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
    def layers(self) -> tuple[str, ...]:
        return self.inner.layers

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images, name = request.images, executor.layer
        layout, shape = self._layout(executor), executor.layer_shape(name)
        channels = shape[0 if layout.channel == 1 else -1]
        if self.channels is not None:
            check_channels(self.channels, channels)
        most = f"be at most {channels}, the channels of `{name}`"
        expect(self.strongest is None or self.strongest <= channels, "strongest", most, self.strongest)
        ends = self.ends(images)
        maps = self.unit_values(executor, request)
        there = tuple(maps.attribution[0].shape[1:])
        expect(there == shape, "attribution", f"have the shape {shape} of the layer", there)
        found = []
        for values in maps.attribution:
            attributions = self._shown(values, layout.channel)
            found.append(
                self.how(
                    executor,
                    self._weights(attributions, layout.channel),
                    layout.maps(attributions).sum(1),
                    request.ids,
                    tuple(images.shape[1:]),
                    *ends,
                )
            )
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

    def unit_values(self, executor: Executor, request: Request) -> Maps:
        self._layout(executor)
        return self.inner.unit_values(executor, request)

    @staticmethod
    def _layout(executor: Executor) -> Layout:
        """Where the layer lies over the image."""
        name = executor.layer
        layout = executor.program.survey.layout(name)
        places = layout.size[0] * layout.size[-1]
        expect(places > 1, "layer", "have more than one place over the image", repr(name))
        return layout

    def _shown(self, attributions: Tensor, channel: int) -> Tensor:
        """Those of the channels that are shown."""
        return attributions if self.channels is None else only_channels(attributions, channel, self.channels)

    def _weights(self, attributions: Tensor, channel: int) -> Tensor:
        """How much each of the layer's values counts."""
        if self.strongest is None:
            return attributions
        return strongest_channels(attributions, channel, self.strongest)
