"""Runs a program on a fixed number of rows per call, so that a row's bits do not depend on its mates."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from pyxai.capture.derivative import is_connected
from pyxai.capture.inner import Values
from pyxai.capture.mending import Mending
from pyxai.capture.program import Program
from pyxai.capture.rows import FixedRows, channels_last
from pyxai.checks import brief, expect

Choose = Callable[[Tensor], Tensor]
Index = tuple[int | slice, ...]
_Found = TypeVar("_Found")


class Executor(FixedRows):
    """Scores and gradients of a model in calls of ``rows`` rows.

    Prediction calls, which cost a third of a gradient's and carry few rows in path methods, have
    max(1, rows // 4) rows.

    Attributes:
        stem: the affine layers the model begins with, where running them apart pays; else the identity.
        beyond_stem: the executor of the model behind them.
    """

    def __init__(self, program: Program, rows: int):
        super().__init__(rows)
        self.prediction_rows = max(1, rows // 4)
        self.stem = program.stem
        self._program = program
        self._differentiated = program.differentiated

    @property
    def beyond_stem(self) -> Executor:
        executor = Executor(self._program, self.rows)
        executor._differentiated = self._program.rest
        return executor

    @property
    def program(self) -> Program:
        """The captured model; ``program.forward`` is the canonical graph where a method needs one."""
        return self._program

    def scores(self, images: Tensor, rows: int | None = None) -> Tensor:
        """Class scores (N, K) of images (N, C, H, W), without a gradient.

        Args:
            rows: of a call; None for ``prediction_rows``.
        """
        size = rows or self.prediction_rows
        with torch.no_grad():
            parts = [self._program.forward(self.fill(part, size))[: len(part)] for part in images.split(size)]
        return torch.cat(parts)

    def gradients(self, points: Tensor, choose: Choose) -> tuple[list[Tensor], Tensor, Tensor]:
        """One model call: gradients of the chosen class scores by the points.

        Args:
            points: (r, ...) with r ≤ ``rows``.
            choose: class scores (r, K) to classes (r, T).

        Returns:
            T gradients (r, ...) in the dtype the model ran in, scores (r, T), classes (r, T).
        """
        count, leaf = len(points), self._leaf(points)
        with torch.enable_grad():
            logits = self._differentiated(leaf)[:count]
            return _of_classes(
                logits, choose, lambda total, again: self._differentiate(total, [leaf], again)[0][:count]
            )

    def value_gradients(
        self, points: Tensor, value: Callable[[Tensor], Tensor]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One model call: gradients by the points of any function of each one's class scores.

        Args:
            points: (r, ...) with r ≤ ``rows``.
            value: class scores (r, K) to numbers (r,).

        Returns:
            Gradients (r, ...) in the dtype the model ran in, numbers (r,), class scores (r, K).
        """
        count, leaf = len(points), self._leaf(points)
        with torch.enable_grad():
            logits = self._differentiated(leaf)[:count]
            values = value(logits)
            (gradient,) = self._differentiate(values.sum(), [leaf])
        return gradient[:count], values.detach(), logits.detach()

    def activations(self, images: Tensor, layers: tuple[str, ...]) -> Values:
        """Values of inner layers for images (N, C, H, W), (N, …) each, without a gradient.

        Args:
            layers: names of layers that the method declares.
        """
        inner = self._program.inner(tuple(layers))
        parts = [
            inner.only(inner.values(self.fill(images[block])), block.stop - block.start)
            for block in self.blocks(len(images))
        ]
        return {name: torch.cat([part[name] for part in parts]) for name in layers}

    def scores_and_activations(self, images: Tensor, layers: tuple[str, ...]) -> tuple[Tensor, Values]:
        """Class scores (N, K) of images (N, C, H, W) and values of inner layers, (N, …) each, in one pass.

        Args:
            layers: names of layers that the method declares.
        """
        inner, scores, values = self._program.inner(tuple(layers)), [], []
        for block in self.blocks(len(images)):
            with torch.no_grad():
                found, seen = inner.scores_and_values(self.fill(images[block]))
            count = block.stop - block.start
            scores.append(found[:count])
            values.append({name: value.detach() for name, value in inner.only(seen, count).items()})
        return torch.cat(scores), {name: torch.cat([part[name] for part in values]) for name in layers}

    def layer_gradients(
        self, points: Tensor, layers: tuple[str, ...], choose: Choose
    ) -> tuple[Values, dict[str, list[Tensor]], Tensor, Tensor]:
        """One model call: values of inner layers, and gradients of the chosen class scores by them.

        Nothing before the first of the layers is differentiated.

        Args:
            points: (r, C, H, W) with r ≤ ``rows``.
            layers: names of layers that the method declares.
            choose: class scores (r, K) to classes (r, T).

        Returns:
            values (r, …) and T gradients (r, …) by layer, in the dtype the model ran in; scores (r, T);
            classes (r, T).

        Raises:
            ValueError: no derivative of the scores leads to one of the layers.
        """
        count, dtype, inner = len(points), self._program.dtype, self._program.inner(tuple(layers))
        with torch.enable_grad():
            logits, values = inner.scores_and_values(self.fill(points if dtype is None else points.to(dtype)))
            found, scores, classes = _of_classes(
                logits[:count],
                choose,
                lambda total, again: inner.only(self._layer_derivatives(total, values, again), count),
            )
        kept = {name: value.detach() for name, value in inner.only(values, count).items()}
        gradients = {name: [of_class[name] for of_class in found] for name in layers}
        return kept, gradients, scores, classes

    def gradients_at(
        self, points: Tensor, layer: str, values: Tensor, choose: Choose
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """One model call: gradients of the chosen class scores by other values in place of a layer's own.

        Args:
            points: (r, C, H, W) with r ≤ ``rows``, which what bypasses the layer is of.
            layer: one that the method declares.
            values: (r, …), as :meth:`of_images` gives them.
            choose: class scores (r, K) to classes (r, T).

        Returns:
            T gradients (r, …), scores (r, T), classes (r, T).

        Raises:
            ValueError: no derivative of the scores leads to the layer.
        """
        count, dtype, inner = len(points), self._program.dtype, self._program.inner((layer,))
        points, values = ((part if dtype is None else part.to(dtype)) for part in (points, values))
        own = super().fill(values).flatten(0, values.ndim - len(inner.per_image[layer]))
        own = own.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = inner.scores_by_values(self.fill(points), {layer: own})[:count]

            def gradient(total: Tensor, again: bool) -> Tensor:
                found = self._layer_derivatives(total, {layer: own}, again)
                return self.of_images(layer, found[layer])[:count]

            return _of_classes(logits, choose, gradient)

    def values_and_slopes(self, points: Tensor, directions: Tensor, layer: str) -> tuple[Tensor, Tensor]:
        """One model call: a layer's values, and how they change from the points along directions.

        The latter is the forward derivative. Both, (r, …), are in the model's own precision and have the form
        of :meth:`of_images`.

        Args:
            points, directions: (r, C, H, W) with r ≤ ``rows``.
            layer: one that the method declares.

        Raises:
            ValueError: an operation has no such derivative, or none leads to the layer.
        """
        inner = self._program.inner((layer,))
        try:
            with sdpa_kernel(SDPBackend.MATH):  # the others have no such derivative
                found = inner.values_and_slopes(self.fill(points), self.fill(directions))[layer]
        except NotImplementedError as error:
            wanted = "have a forward derivative, or `slope` be 'difference'"
            raise ValueError(f"`model` must {wanted}, got {brief(error)}") from error
        expect(found[1] is not None, "layer", "have a derivative by the images", repr(layer))
        values, slopes = (self.of_images(layer, part)[: len(points)] for part in found)
        return values, slopes

    def unit_gradients(
        self, points: Tensor, layer: str, unit: Index, choose: Choose
    ) -> tuple[list[Tensor], Tensor, Tensor]:
        """One model call: the part of the gradients of class scores by the points that runs through units.

        It is Σ ∂score/∂unit · ∂unit/∂points, over the units that the index ``unit`` chooses.

        Args:
            points: (r, C, H, W) with r ≤ ``rows``.
            layer: one that the method declares.
            unit: into what :meth:`of_images` gives of an image.
            choose: class scores (r, K) to classes (r, T).

        Returns:
            T gradients (r, …), scores (r, T), classes (r, T).

        Raises:
            ValueError: no derivative of the scores leads to the layer, or none of the layer to the points.
        """
        count, leaf, inner = len(points), self._leaf(points), self._program.inner((layer,))
        with torch.enable_grad():
            logits, values = inner.scores_and_values(leaf)
            chosen = (slice(None), *unit)

            def gradient(total: Tensor, again: bool) -> Tensor:
                by_units = self._layer_derivatives(total, values, again=True)[layer]
                parts = self.of_images(layer, values[layer])[chosen] * self.of_images(layer, by_units)[chosen]
                (found,) = self._derivatives(parts.sum(), [leaf], again)
                expect(found is not None, "layer", "have a derivative by the images", repr(layer))
                return found[:count]

            return _of_classes(logits[:count], choose, gradient)

    def of_units(self, layer: str, unit: Index | None) -> Executor:
        """The executor of a model whose one score is the sum of units of an inner layer.

        Args:
            layer: one that the method declares.
            unit: index of the units into what :meth:`of_images` gives of an image; None for a score of each.
        """
        inner = self._program.inner((layer,))

        def scores(values: Values) -> Tensor:
            own = self.of_images(layer, values[layer])
            if unit is None:
                return own.flatten(1)
            return own[(slice(None), *unit)].reshape(len(own), -1).sum(1, keepdim=True)

        def forward(images: Tensor) -> Tensor:
            return scores(inner.values(images))

        def differentiated(points: Tensor) -> Tensor:
            found = scores(inner.values_by_images(points))
            led = is_connected(found, points)
            expect(led, "layer", "have a derivative by the images", repr(layer))
            return found

        classes = 1 if unit is not None else math.prod(self.layer_shape(layer))
        return Executor(self._program.with_scores(forward, differentiated, classes), self.rows)

    @property
    def layer(self) -> str:
        """The name of the one layer that the method declares, also where that is ``"auto"``."""
        (name,) = self._program.layers
        return name

    def entries(self, layer: str) -> int:
        """How many entries along the first axis of a layer belong to an image."""
        return self._program.per_image[layer][0]

    def layer_shape(self, layer: str) -> tuple[int, ...]:
        """The shape of what :meth:`of_images` gives of a layer for one image."""
        shape = self._program.per_image[layer]
        return shape[1:] if shape[0] == 1 else shape

    def of_images(self, layer: str, values: Tensor) -> Tensor:
        """A layer's values image by image: (n, …), or (n, entries, …) of one that takes images apart."""
        entries = self.entries(layer)
        return values if entries == 1 else values.unflatten(0, (-1, entries))

    def carries_all(self, layer: str) -> bool:
        """Whether the scores depend on the images through the values of a layer alone."""
        return self._program.carries_all(layer)

    def scores_from(self, images: Tensor, values: Values) -> Tensor:
        """Class scores (N, K) of images (N, C, H, W) with other values (N, …) at inner layers.

        The model runs on from there; what bypasses the layers is as for the images.

        Args:
            values: by the names of layers that the method declares.
        """
        inner = self._program.inner(tuple(values))
        for name, value in values.items():
            entries, *rest = inner.per_image[name]
            shape = (entries * len(images), *rest)
            expect(value.shape == shape, "values", f"have shape {shape} for `{name}`", tuple(value.shape))
            expect(value.dtype == images.dtype, "values", f"be {images.dtype}", value.dtype, TypeError)
        scores = []
        for block in self.blocks(len(images)):
            own = {
                name: self.fill(value.unflatten(0, (len(images), -1))[block]).flatten(0, 1)
                for name, value in values.items()
            }
            scores.append(inner.scores_from(self.fill(images[block]), own)[: block.stop - block.start])
        return torch.cat(scores)

    def _differentiate(
        self, total: Tensor, by: list[Tensor], again: bool = False, unused: bool = False
    ) -> tuple[Tensor, ...]:
        """Gradients of a number.

        Args:
            again: keep what another call for the same values needs.
            unused: give None for values that no derivative leads to, in place of zeros.
        """
        with Mending() if self._program.mending else nullcontext():
            return torch.autograd.grad(
                total, by, retain_graph=again, allow_unused=True, materialize_grads=not unused
            )

    def _derivatives(self, total: Tensor, by: list[Tensor], again: bool) -> tuple[Tensor | None, ...]:
        """As :meth:`_differentiate`, with None for values that no derivative leads to."""
        return (
            self._differentiate(total, by, again, unused=True) if total.requires_grad else (None,) * len(by)
        )

    def _layer_derivatives(self, total: Tensor, values: Values, again: bool) -> Values:
        found = self._derivatives(total, list(values.values()), again)
        for name, gradient in zip(values, found, strict=True):
            wanted = "name a module that the scores have a derivative by"
            expect(gradient is not None, "layer", wanted, repr(name))
        return dict(zip(values, found, strict=True))

    def _leaf(self, points: Tensor) -> Tensor:
        """What a call is differentiated by."""
        dtype = self._program.dtype
        return self.fill(points if dtype is None else points.to(dtype)).detach().requires_grad_(True)

    def fill(self, points: Tensor, size: int | None = None) -> Tensor:
        """As :meth:`FixedRows.fill`, in the memory format that the model wants."""
        points = super().fill(points, size)
        return channels_last(points) if self._program.channels_last else points


def _of_classes(
    logits: Tensor, choose: Choose, gradient: Callable[[Tensor, bool], _Found]
) -> tuple[list[_Found], Tensor, Tensor]:
    """What ``gradient`` makes of the score of each of T chosen classes; scores (r, T); classes (r, T).

    Args:
        logits: (r, K), for autograd.
        gradient: a number, and whether another one follows, to gradients of it.
    """
    classes = choose(logits.detach())
    picked = logits.gather(1, classes)
    last = classes.shape[1] - 1
    found = [gradient(picked[:, t].sum(), t < last) for t in range(last + 1)]
    return found, picked.detach(), classes
