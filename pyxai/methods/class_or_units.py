"""What methods share that are about a class, or about units of an inner layer in its place."""

from __future__ import annotations

from pyxai.checks import expect, module_name, shown
from pyxai.methods.method import Method
from pyxai.methods.unit import Unit, unit_index, units_of


class ClassOrUnits(Method):
    """A method of the class, or of units of an inner layer.

    Attributes:
        layer: The name of a module whose units take the place of the class, as in the model's
            ``named_modules()``; ``auto`` is the last map of the image. Layers behind it take no part. None is
            for the class.
        unit: Which units of that layer: an index into what it has for one image. Of a map (channel, row,
            column) is one unit and a number a whole channel; of tokens (token, channel) is one; ranges are
            slices, or text as in ``"0:4,:,2"``; None is all of them. Several units count by their sum.
    """

    layer: str | None = None
    unit: Unit = None

    def settle(self) -> None:
        super().settle()
        if self.layer is not None:
            module_name("layer", self.layer)
        alone = self.layer is None and self.unit is not None
        expect(not alone, "unit", "come with `layer`, whose unit it is", shown(self.unit))
        unit_index(self.unit)

    @property
    def layers(self) -> tuple[str, ...]:
        return () if self.layer is None else (self.layer,)

    @property
    def units(self) -> str:
        return "" if self.layer is None else units_of(self.layer, unit_index(self.unit))
