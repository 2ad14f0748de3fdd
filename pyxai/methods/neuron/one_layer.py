"""Which inner layer a method reads, where any will do."""

from __future__ import annotations

from pyxai.capture.grid import LAST_MAP
from pyxai.checks import module_name
from pyxai.methods.method import Method


class OneLayer(Method):
    """A method of one inner layer, which need be no map of the image.

    Attributes:
        layer: The name of a module that returns one floating tensor, as in the model's ``named_modules()``.
            ``name#2`` is the second call of a module. ``auto`` is the last module that returns a map of the
            image with more than one place, in the order in which calls end, on which the scores depend;
            ``explainer.info()`` says which.
    """

    layer: str = LAST_MAP

    def settle(self) -> None:
        super().settle()
        module_name("layer", self.layer)

    @property
    def layers(self) -> tuple[str, ...]:
        return (self.layer,)
