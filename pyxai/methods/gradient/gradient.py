"""The gradient of the class score by the image."""

from __future__ import annotations

from pyxai.capture.executor import Executor
from pyxai.methods.gradient.maps import gradient_maps
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class Gradient(Method):
    """Gradient of the class score by the image (survey §4.1, eq. 4–5; Simonyan et al. 2014)."""

    name = "gradient"
    volumes = True

    def attribute(self, executor: Executor, request: Request) -> Maps:
        return gradient_maps(executor, request)
