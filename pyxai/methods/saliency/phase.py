"""The phase spectrum alone: :func:`pyxai.saliency.phase`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class Phase(ModelFree, function=saliency.phase):
    name = "phase"
