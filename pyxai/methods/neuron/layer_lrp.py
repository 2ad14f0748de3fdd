"""Layer-wise relevance propagation as far as an inner layer."""

from __future__ import annotations

from torch import fx

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.propagation.lrp import LRP


class LayerLRP(AtLayer, LRP):
    """Relevance of the units of an inner layer, by the rules of ``lrp`` for the layers behind it.

    ``expected`` is the score less the share of the biases behind the layer, where all that reaches the score
    flows through it.
    """

    name = "layer_lrp"

    def goal(self, executor: Executor, graph: fx.GraphModule) -> fx.Node:
        return find_layer(graph, executor.layer)
