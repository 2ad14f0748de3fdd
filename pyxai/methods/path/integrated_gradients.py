"""Integrated Gradients: the path integral of the gradient from a baseline to the image."""

from __future__ import annotations

from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import GradientPath, Path
from pyxai.methods.targets import Target


class IntegratedGradients(AlongPath):
    """(Image - baseline) times the mean gradient between them (survey eq. 7; Sundararajan et al. 2017).

    ``expected`` is f(image) - mean f(baseline).
    """

    name = "integrated_gradients"
    volumes = True

    def path(self, executor: Executor, images: Tensor, start: Tensor, target: Target) -> Path:
        return GradientPath(executor, images, start, target)
