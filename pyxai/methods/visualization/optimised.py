"""What methods share whose map is a picture that is optimised: see :mod:`pyxai.visualization`."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Literal

from torch import Tensor

from pyxai.checks import expect, per_channel
from pyxai.methods.method import Method
from pyxai.visualization import Transforms, Visualization


class Optimised(Method):
    """How a picture is optimised.

    Attributes:
        steps: The number of steps of Adam. The paper tells none; the authors' code has 2048.
        learning_rate: The rate of 2048 steps; with fewer each step is as much larger.
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

    keep = "attribution"

    steps: int = 2048
    learning_rate: float = 0.02
    decay: Literal["loss", "steps"] = "loss"
    jitter: tuple = (9, 4)
    scale: tuple = (0.9, 1.3)
    rotate: float = 12.0
    shear: float = 4.0
    edge: Literal["reflection", "zeros"] = "reflection"
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    seed: int = 0

    def settle(self) -> None:
        super().settle()
        self.how  # noqa: B018  checks the options

    @property
    def how(self) -> Visualization:
        """What the options stand for; without a mask where none is asked for."""
        options = {"masked": False} | self._of(Visualization)
        return Visualization(transforms=Transforms(**self._of(Transforms)), **options)

    def _of(self, part: type) -> dict[str, Any]:
        """The options that are fields of a part."""
        names = (entry.name for entry in fields(part))
        return {name: getattr(self, name) for name in names if name in self.options()}

    def ends(self, images: Tensor) -> list[Tensor]:
        """Black and white, (C,) each, in the space of ``images`` (N, C, H, W)."""
        ends = [per_channel(end, getattr(self, end), images.shape[1], images) for end in ("low", "high")]
        expect(bool((ends[0] != ends[1]).all()), "high", "differ from `low`", self.high)
        return ends
