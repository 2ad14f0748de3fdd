"""Which units of an inner layer a method is about."""

from __future__ import annotations

from pyxai.capture.executor import Executor
from pyxai.methods.neuron.one_layer import OneLayer
from pyxai.methods.unit import Unit, check_unit, unit_index, units_of


class Units(OneLayer):
    """A method of units of one inner layer.

    Attributes:
        unit: Which units of that layer: an index into what it has for one image. Of a map (channel, row,
            column) is one unit and a number a whole channel; of tokens (token, channel) is one; ranges are
            slices, or text as in ``"0:4,:,2"``; None is all of them. Several units count by their sum.
    """

    unit: Unit = None

    def settle(self) -> None:
        super().settle()
        unit_index(self.unit)

    @property
    def units(self) -> str:
        return units_of(self.layer, unit_index(self.unit))

    def index(self, executor: Executor) -> tuple[int | slice, ...]:
        """The index of the units.

        Raises:
            ValueError: the layer has no such units.
        """
        found = unit_index(self.unit)
        check_unit(found, executor.layer_shape(executor.layer), executor.layer)
        return found
