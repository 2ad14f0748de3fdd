"""DeepLIFT of units of an inner layer."""

from __future__ import annotations

from torch import Tensor, fx

from pyxai.capture.executor import Executor
from pyxai.capture.layers import find_layer
from pyxai.capture.split import before
from pyxai.methods.neuron.units import Units
from pyxai.methods.propagation.deeplift import DeepLIFT
from pyxai.methods.propagation.explained import Explained, units_in
from pyxai.methods.request import Request
from pyxai.propagation.walk import Walk


class NeuronDeepLIFT(Units, DeepLIFT):
    """Difference of units of an inner layer from their values for a baseline, shared out by DeepLIFT.

    ``expected`` is unit(image) - mean unit(baseline).
    """

    name = "neuron_deeplift"

    def explained(self, executor: Executor, value: Tensor, request: Request) -> Explained:
        return units_in(value, request, self.index(executor), executor.entries(executor.layer))

    def walk(self, executor: Executor, graph: fx.GraphModule) -> Walk:
        self.index(executor)
        return super().walk(executor, before(graph, find_layer(graph, executor.layer)))
