"""Rate-distortion explanations: the sparsest mask on a representation of the image that keeps the decision.

A mask m in [0, 1]^K on the coefficients h of an image x = f(h) minimises

    E_v d(Φ(x), Φ(y)) + λ ‖m‖₁    with    y = clamp(f(m h + (1 - m) v)).

:class:`RateDistortion` puts together a representation f, an obfuscation v, a distortion d and an optimiser,
each a small class of which anyone can write another. The methods ``cartoonx``, ``pixel_rde`` and
``rate_distortion`` take them as options:

    pyxai.explain(model, images, "rate_distortion", representation=pyxai.rde.Fourier(), sparsity=10.0)
"""

from pyxai.rde.distortions import (
    DISTORTIONS,
    Distortion,
    Divergence,
    LabelDifference,
    MaximiseLabel,
    ProbabilityDistance,
)
from pyxai.rde.obfuscations import OBFUSCATIONS, Blur, Constant, Draw, Gaussian, Obfuscation, Uniform
from pyxai.rde.optimise import Explained, RateDistortion
from pyxai.rde.optimisers import Adam, Optimiser
from pyxai.rde.representations import Fourier, Pixels, Representation, Wavelets

__all__ = [
    "DISTORTIONS",
    "OBFUSCATIONS",
    "Adam",
    "Blur",
    "Constant",
    "Distortion",
    "Divergence",
    "Draw",
    "Explained",
    "Fourier",
    "Gaussian",
    "LabelDifference",
    "MaximiseLabel",
    "Obfuscation",
    "Optimiser",
    "Pixels",
    "ProbabilityDistance",
    "RateDistortion",
    "Representation",
    "Uniform",
    "Wavelets",
]
