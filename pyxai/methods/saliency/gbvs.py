"""Graph-based visual saliency: :func:`pyxai.saliency.gbvs`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class GBVS(ModelFree, function=saliency.gbvs):
    name = "gbvs"
