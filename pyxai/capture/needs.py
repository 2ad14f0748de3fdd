"""What a method asks of a model, in order: what needs more may use everything that comes before."""

from __future__ import annotations

from enum import IntEnum


class Needs(IntEnum):
    """How much of a model a method sees.

    Attributes:
        NOTHING: the images alone.
        SCORES: class scores of images: any callable will do.
        GRADIENTS: gradients of the scores, too: a differentiable module.
        GRAPH: the operations the model is made of: a module that can be captured.
    """

    NOTHING = 0
    SCORES = 1
    GRADIENTS = 2
    GRAPH = 3

    def __str__(self) -> str:
        return self.name.lower()
