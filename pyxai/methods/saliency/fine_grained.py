"""Fine-grained centre-surround contrast: :func:`pyxai.saliency.fine_grained`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class FineGrained(ModelFree, function=saliency.fine_grained):
    name = "fine_grained"
