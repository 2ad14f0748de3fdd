"""SmoothGrad-Squared: the mean of the squares of a method's maps over noisy copies of the image."""

from __future__ import annotations

from pyxai.capture.executor import Executor
from pyxai.methods.noise.noisy import Noisy
from pyxai.methods.request import Maps, Request


class SmoothGradSquared(Noisy):
    """Mean of the squares of a method's maps over noisy copies of the image (Hooker et al. 2019)."""

    name = "smoothgrad_squared"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        return self.mean(executor, request, square=True)
