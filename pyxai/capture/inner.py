"""What happens at inner layers of a model: their values, gradients by them, and scores from other values."""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor, fx
from torch.autograd import forward_ad

from pyxai.capture.layers import Watch, find_layer
from pyxai.capture.split import beside, replaced, sees_images

Values = dict[str, Tensor]


class Inner(abc.ABC):
    """A model as seen from some of its layers.

    Attributes:
        per_image: layer to the shape of what it has for one image, entries along the first axis first.
    """

    def __init__(self, per_image: dict[str, tuple[int, ...]]):
        self.per_image = per_image

    @abc.abstractmethod
    def values(self, images: Tensor) -> Values:
        """The layers' values for images (n, C, H, W), (n · entries, …) each, as they are when made."""

    @abc.abstractmethod
    def scores_and_values(self, images: Tensor) -> tuple[Tensor, Values]:
        """The scores (n, K) as a function of the layers' values, for autograd, and these values."""

    @abc.abstractmethod
    def values_by_images(self, images: Tensor) -> Values:
        """As :meth:`values`, as a function of the images, for autograd."""

    @abc.abstractmethod
    def values_and_slopes(
        self, images: Tensor, directions: Tensor
    ) -> dict[str, tuple[Tensor, Tensor | None]]:
        """The layers' values, and how they change with the images: the forward derivative by ``directions``.

        The latter is None of a layer that no derivative leads to.
        """

    @abc.abstractmethod
    def scores_by_values(self, images: Tensor, values: Values) -> Tensor:
        """As :meth:`scores_from`, as a function of ``values``, for autograd."""

    @abc.abstractmethod
    def scores_from(self, images: Tensor, values: Values) -> Tensor:
        """The scores (n, K) with ``values`` in place of the layers' own; what bypasses them stays."""

    @abc.abstractmethod
    def carries_all(self, images: Tensor) -> bool:
        """Whether the scores depend on the images through the layers' values alone.

        Args:
            images: some that differ, (n, C, H, W), to try where no graph tells.
        """

    def only(self, values: Values, count: int) -> Values:
        """The part of ``values`` that belongs to the first ``count`` images."""
        return {name: value[: count * self.per_image[name][0]] for name, value in values.items()}


class CapturedInner(Inner):
    """Layers of a captured graph: values of its nodes.

    Args:
        module: the graph; nothing is folded across the layers.
        per_image: layer to the shape of what it has for one image.
        prepare: makes a graph fit to be differentiated.
    """

    def __init__(
        self,
        module: fx.GraphModule,
        per_image: dict[str, tuple[int, ...]],
        prepare: Callable[[fx.GraphModule], torch.nn.Module],
    ):
        super().__init__(per_image)
        self._module, self._prepare = module, prepare
        self._nodes = [find_layer(module, name) for name in per_image]

    @cached_property
    def _observed(self) -> torch.nn.Module:
        return beside(self._module, self._nodes, scores=False)

    @cached_property
    def _differentiated(self) -> torch.nn.Module:
        return self._prepare(beside(self._module, self._nodes, through=_variable))

    @cached_property
    def _by_images(self) -> torch.nn.Module:
        return self._prepare(beside(self._module, self._nodes, scores=False))

    @cached_property
    def _replaced(self) -> fx.GraphModule:
        return replaced(self._module, self._nodes)

    @cached_property
    def _by_values(self) -> torch.nn.Module:
        return self._prepare(self._replaced)

    def values(self, images):
        with torch.no_grad():
            return dict(zip(self.per_image, self._observed(images), strict=True))

    def scores_and_values(self, images):
        scores, values = self._differentiated(images)
        return scores, dict(zip(self.per_image, values, strict=True))

    def values_by_images(self, images):
        return dict(zip(self.per_image, self._by_images(images), strict=True))

    def values_and_slopes(self, images, directions):
        with torch.no_grad(), forward_ad.dual_level():  # as captured: what is prepared has no such derivative
            values = self._observed(forward_ad.make_dual(images, directions))
            found = [tuple(forward_ad.unpack_dual(value)) for value in values]
        return dict(zip(self.per_image, found, strict=True))

    def scores_by_values(self, images, values):
        return self._by_values(images, [values[name] for name in self.per_image])

    def scores_from(self, images, values):
        with torch.no_grad():
            return self._replaced(images, [values[name] for name in self.per_image])

    def carries_all(self, images):
        return not sees_images(self._replaced)


class HookedInner(Inner):
    """Layers of a model that runs as it is, seen by hooks that live inside the call.

    Args:
        classifier: images (n, C, H, W) to scores (n, K).
        model: the part of it that has the layers.
        per_image: layer to the shape of what it has for one image.
    """

    def __init__(
        self, classifier: torch.nn.Module, model: torch.nn.Module, per_image: dict[str, tuple[int, ...]]
    ):
        super().__init__(per_image)
        self._classifier, self._model = classifier, model

    def values(self, images):
        with torch.no_grad():
            return self._run(images, Tensor.clone)[1]

    def scores_and_values(self, images):
        return self._run(images, _variable)

    def values_by_images(self, images):
        return self._run(images, lambda value: value)[1]

    def values_and_slopes(self, images, directions):
        found: dict[str, tuple[Tensor, Tensor | None]] = {}

        def see(name: str, value: Tensor) -> Tensor:
            primal, slope = forward_ad.unpack_dual(value)
            found[name] = primal.clone(), slope  # the model may write over it
            return primal  # what follows may have no such derivative

        with torch.no_grad(), forward_ad.dual_level(), Watch(self._model, self.per_image, see):
            self._classifier(forward_ad.make_dual(images.clone(), directions))
        return found

    def scores_by_values(self, images, values):
        return self._run(images, None, values)[0]

    def scores_from(self, images, values):
        with torch.no_grad():
            return self.scores_by_values(images, values)

    def carries_all(self, images):
        own, others = self.values(images), images.roll(1, 0)
        with torch.no_grad():
            scores = self._classifier(images.clone())
        return torch.allclose(self.scores_from(others, own), scores)

    def _run(
        self, images: Tensor, keep: Callable[[Tensor], Tensor] | None, given: Values | None = None
    ) -> tuple[Tensor, Values]:
        kept: Values = {}

        def see(name: str, value: Tensor) -> Tensor:
            if given is not None:
                return given[name].clone()  # the model may write over it
            kept[name] = keep(value)
            return kept[name].clone()

        with Watch(self._model, self.per_image, see):
            return self._classifier(images.clone()), kept


def _variable(value: Tensor) -> Tensor:
    """``value`` as something to take gradients by; nothing before it is differentiated."""
    return value if value.requires_grad else value.detach().requires_grad_(True)
