"""DeepLIFT as far as an inner layer."""

from __future__ import annotations

from torch import fx

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.methods.neuron.at_layer import AtLayer
from pyxai.methods.propagation.deeplift import DeepLIFT


class LayerDeepLIFT(AtLayer, DeepLIFT):
    """Difference of the score from a baseline's, shared out among the units of an inner layer by DeepLIFT.

    ``expected`` is f(image) - mean f(baseline), where all that reaches the score flows through the layer.
    """

    name = "layer_deeplift"

    def goal(self, executor: Executor, graph: fx.GraphModule) -> fx.Node:
        return find_layer(graph, executor.layer)
