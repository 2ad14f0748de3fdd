"""Centre-surround contrast: :func:`pyxai.saliency.centre_surround`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class CentreSurround(ModelFree, function=saliency.centre_surround):
    name = "centre_surround"
