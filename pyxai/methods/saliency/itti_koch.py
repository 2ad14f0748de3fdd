"""The model of Itti, Koch and Niebur: :func:`pyxai.saliency.itti_koch`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class IttiKoch(ModelFree, function=saliency.itti_koch):
    name = "itti_koch"
