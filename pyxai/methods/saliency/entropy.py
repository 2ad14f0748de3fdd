"""Local entropy: :func:`pyxai.saliency.entropy`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class Entropy(ModelFree, function=saliency.entropy):
    name = "entropy"
