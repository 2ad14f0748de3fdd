"""Distance to the border along a spanning tree: :func:`pyxai.saliency.spanning_tree`, asked for by name."""

from pyxai import saliency
from pyxai.methods.saliency.model_free import ModelFree


class SpanningTree(ModelFree, function=saliency.spanning_tree):
    name = "spanning_tree"
    host = "the spanning tree is walked pixel by pixel"
