"""Saliency of an image without a model: where would a person look?

    maps = pyxai.saliency.spectral_residual(images)      # (N, 3, H, W) in [0, 1] to (N, H, W)

Every method takes a batch on any device and keeps its dtype; an image of one colour has the zero map. The
same names work in ``pyxai.explain(None, images, name)`` and in ``pyxai explain --method``.
"""

from pyxai.saliency.entropy import entropy
from pyxai.saliency.gbvs import gbvs
from pyxai.saliency.itti import conspicuity, itti_koch
from pyxai.saliency.regions import region_contrast
from pyxai.saliency.spectral import (
    amplitude_spectrum,
    phase,
    phase_spectrum,
    radial_amplitude,
    spectral_residual,
)
from pyxai.saliency.surround import centre_surround, fine_grained
from pyxai.saliency.tree import spanning_tree

__all__ = [
    "amplitude_spectrum",
    "centre_surround",
    "conspicuity",
    "entropy",
    "fine_grained",
    "gbvs",
    "itti_koch",
    "phase",
    "phase_spectrum",
    "radial_amplitude",
    "region_contrast",
    "spanning_tree",
    "spectral_residual",
]
