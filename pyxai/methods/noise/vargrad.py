"""VarGrad: the variance of a method's maps over noisy copies of the image."""

from __future__ import annotations

from pyxai.capture.executor import Executor
from pyxai.methods.noise.noisy import Noisy
from pyxai.methods.request import Maps, Request


class VarGrad(Noisy):
    """Variance of a method's maps over noisy copies of the image (Adebayo et al. 2018).

    The variance divides by ``samples``; its standard error is that of a normal sample, variance · sqrt(2 /
    (samples - 1)).
    """

    name = "vargrad"

    def attribute(self, executor: Executor, request: Request) -> Maps:
        maps, moments = self.moments(executor, request)
        variances = [moment.variance() for moment in moments]
        factor = (2 / max(self.samples - 1, 1)) ** 0.5
        maps.attribution = [variance.to(request.images.dtype) for variance in variances]
        maps.standard_error = [(variance * factor).to(request.images.dtype) for variance in variances]
        maps.expected = None
        return maps
