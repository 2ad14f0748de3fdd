"""Methods with a mistake each; what is said of them, `test_devices.py` knows."""

from __future__ import annotations

import torch

from pyxai.capture.needs import Needs
from pyxai.capture.rows import FixedRows
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class Unnamed(Method):
    """Makes a tensor without saying where."""

    name, needs = "unnamed", Needs.NOTHING

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        torch.zeros(3)
        return Maps([request.images.clone()])


class Mixed(Method):
    """Adds a tensor of the host to the images."""

    name, needs = "mixed", Needs.NOTHING

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        return Maps([request.images + torch.zeros(3, 1, 1, device="cpu")])


class Waiting(Method):
    """Looks at a value in every step."""

    name, needs = "waiting", Needs.NOTHING

    steps: int = 2

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        return Maps([sum(request.images * request.images.max().item() for _ in range(self.steps))])


class Taking(Method):
    """Takes the images to the host and does not say so."""

    name, needs = "taking", Needs.NOTHING

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        return Maps([request.images.cpu().square().to(request.images.device)])


class Staying(Method):
    """Says that it takes the images to the host and does not."""

    name, needs = "staying", Needs.NOTHING
    host = "nothing is done with them"

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        return Maps([request.images.square()])


class Left(Method):
    """Leaves its maps on the host."""

    name, needs = "left", Needs.NOTHING
    host = "its maps stay"

    def attribute(self, executor: FixedRows, request: Request) -> Maps:
        return Maps([request.images.cpu().square()])


METHODS = (Unnamed, Mixed, Waiting, Taking, Staying, Left)
