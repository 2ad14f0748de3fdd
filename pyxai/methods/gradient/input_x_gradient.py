"""The image times the gradient."""

from __future__ import annotations

from pyxai.capture.executor import Executor
from pyxai.methods.gradient.maps import gradient_maps
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class InputXGradient(Method):
    """Image times gradient: first-order Taylor term, LRP-0 of a ReLU network (Shrikumar et al. 2016)."""

    name = "input_x_gradient"
    volumes = True

    def attribute(self, executor: Executor, request: Request) -> Maps:
        maps = gradient_maps(executor, request)
        maps.attribution = [request.images * gradient for gradient in maps.attribution]
        return maps
