"""The spectral residual: :func:`pyxai.saliency.spectral_residual`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class SpectralResidual(ModelFree, function=saliency.spectral_residual):
    name = "spectral_residual"
