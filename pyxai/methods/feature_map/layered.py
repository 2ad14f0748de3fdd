"""Which inner layers a method reads."""

from __future__ import annotations

from typing import Any

from pyxai.capture.executor import Executor
from pyxai.capture.grid import LAST_MAP, Layout
from pyxai.checks import expect, shown
from pyxai.methods.method import Method

Layouts = dict[str, Layout]


class Layered(Method):
    """A method of inner layers that are maps of the image.

    Attributes:
        layer: The name of a module, as in the model's ``named_modules()``, or several: a tuple, or one text
            with commas. ``name#2`` is the second call of a module. ``auto`` is the last module that returns a
            map of the image with more than one place, in the order in which calls end, on which the scores
            depend; ``explainer.info()`` says which. For models of tokens it must be named.
        grid: Rows and columns of the layer, where they cannot be told from its values. The last tokens lie on
            the grid, row by row; what comes before them, class tokens and registers, is left out.
    """

    layer: str | tuple[str, ...] = LAST_MAP
    grid: tuple | None = None

    def settle(self) -> None:
        named = self.layers and all(isinstance(name, str) and name for name in self.layers)
        expect(bool(named), "layer", "be the name of a module, or several", shown(self.layer))
        sides(self.grid)

    @property
    def layers(self) -> tuple[str, ...]:
        if isinstance(self.layer, str):
            return tuple(name.strip() for name in self.layer.split(","))
        return tuple(self.layer) if isinstance(self.layer, tuple | list) else ()

    def layouts(self, executor: Executor) -> Layouts:
        """Where in the image the values of each layer lie."""
        program = executor.program
        return {name: program.survey.layout(name, sides(self.grid)) for name in program.layers}


def sides(grid: Any) -> tuple[int, ...] | None:
    """The option ``grid`` in whole numbers; a :class:`ValueError` where it is none."""
    whole = grid is None or (
        isinstance(grid, tuple)
        and all(not isinstance(side, bool) and isinstance(side, int | float) for side in grid)
        and all(float(side).is_integer() and side > 0 for side in grid)
    )
    expect(whole, "grid", "be positive whole numbers, (rows, columns)", shown(grid))
    return None if grid is None else tuple(map(int, grid))
