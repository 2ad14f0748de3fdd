"""The methods of :mod:`pyxai.saliency` in the table: their options are the parameters of their functions."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable

import torch
from torch import Tensor

from pyxai import saliency
from pyxai.attribution.explanation import Explanation
from pyxai.attribution.registry import register


class Classical:
    """What the options of a model-free method can do."""

    def __post_init__(self) -> None:
        """The function checks its options; one pixel is little work."""
        try:
            self.maps(torch.zeros(1, 1, 1, 1))
        except (TypeError, ValueError) as error:
            message = str(error).removeprefix(f"{self.method_name}: ")  # `build` puts it there again
            raise type(error)(message) from None

    def maps(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, H, W)."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return saliency.METHODS[self.method_name](images, **options)


def _options(function: Callable[..., Tensor]) -> type:
    """A class of the function's options, documented and annotated as the function is."""
    _images, *options = inspect.signature(function).parameters.values()
    namespace = {option.name: option.default for option in options}
    namespace["__annotations__"] = {option.name: option.annotation for option in options}
    namespace |= {"__doc__": function.__doc__, "__module__": function.__module__}
    return type(function.__name__, (Classical,), namespace)


for _name, _function in saliency.METHODS.items():
    register(_name, family="classical", needs="none", colour=False)(_options(_function))


def model_free(options: Classical, images: Tensor, rows: int) -> Explanation:
    """The maps of ``images`` in calls of ``rows`` images, the last one filled up: as models are called."""
    parts = []
    for part in images.split(rows):
        filled = images.new_zeros(rows, *images.shape[1:])
        filled[: len(part)] = part
        parts.append(options.maps(filled)[: len(part)])
    return Explanation(
        attribution=torch.cat(parts)[:, None],
        target=None,
        score=None,
        delta=None,
        residual=None,
        standard_error=None,
        evaluations=None,
        method=options.method_name,
        images=images,
    )
