"""Methods that look at the images alone: functions of :mod:`pyxai.saliency`, asked for by name."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from pyxai.capture.needs import Needs
from pyxai.capture.rows import FixedRows
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class ModelFree(Method):
    """A function ``(images, **options) -> maps`` as a method.

    A subclass names the function, ``class Entropy(ModelFree, function=saliency.entropy)``. The function's
    parameters are its options, with their annotations, defaults and documentation.
    """

    needs = Needs.NOTHING
    per_channel = False
    function: ClassVar[Callable[..., Tensor]]

    def __init_subclass__(cls, function: Callable[..., Tensor] | None = None, **keywords: Any) -> None:
        if function is None:  # a variation of a method that has one
            super().__init_subclass__(**keywords)
            return
        _images, *options = inspect.signature(function).parameters.values()
        hints = typing.get_type_hints(function)
        cls.__annotations__ = {option.name: hints[option.name] for option in options}
        for option in options:
            setattr(cls, option.name, option.default)
        cls.__doc__ = function.__doc__
        cls.function = staticmethod(function)
        super().__init_subclass__(**keywords)

    def settle(self) -> None:
        """The function checks its options; one pixel is little work."""
        self._maps(torch.zeros(1, 1, 1, 1, device="cpu"))

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        images = request.images

        def explain(rows: slice) -> Maps:
            own = images[rows]
            return Maps([self._maps(executor.fill(own))[: len(own), None]])

        return by_blocks(executor, images, explain)

    def _maps(self, images: Tensor) -> Tensor:
        """(N, C, H, W) to (N, H, W)."""
        options = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return self.function(images, **options)
