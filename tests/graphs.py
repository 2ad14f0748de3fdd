"""Graphs written call by call, as capturing a model would give them: every node knows its example value."""

import torch
from torch import fx, nn

from pyxai.propagation.walk import Tape

aten = torch.ops.aten


class Written:
    """A graph of one placeholder, which stands for ``images`` (n, …)."""

    def __init__(self, images):
        self.graph, self.root = fx.Graph(), nn.Module()
        self.images = self.graph.placeholder("images")
        self.images.meta["val"] = images

    def tensor(self, value):
        """A tensor of the model's own."""
        name = f"tensor_{sum(1 for _ in self.root.buffers())}"
        self.root.register_buffer(name, value)
        node = self.graph.get_attr(name)
        node.meta["val"] = value
        return node

    def call(self, target, *arguments, **settings):
        """A call with the example value that it gives for those of its arguments."""
        node = self.graph.call_function(target, arguments, settings)
        values = fx.node.map_arg((arguments, settings), lambda source: source.meta["val"])
        with torch.no_grad():
            node.meta["val"] = target(*values[0], **values[1])
        node.meta["layers"] = []
        return node

    def module(self, end):
        """The graph that returns ``end``, ready to run."""
        self.graph.output(end)
        return fx.GraphModule(self.root, self.graph)


def pixels(*shape, dtype=torch.float64, seed=1):
    """Normal numbers that a seed gives."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def layouts(values):
    """The same values (n, C, H, W) in several orders in memory, and with gaps between them."""
    for order in ((0, 1, 2, 3), (0, 2, 3, 1), (2, 3, 0, 1), (1, 0, 2, 3), (3, 2, 1, 0)):
        yield values.permute(order).contiguous().permute([order.index(axis) for axis in range(4)])
    yield torch.stack([values, values], -1)[..., 0]


def tape(module):
    """A tape of the example values of every node of ``module``."""
    values = {node: node.meta["val"] for node in module.graph.nodes if "val" in node.meta}
    written = Tape(values)
    written.layouts = {
        node: (value.shape, value.stride())
        for node, value in values.items()
        if isinstance(value, torch.Tensor) and node.op != "get_attr"
    }
    return written


def targets(module):
    """What the calls of a graph call, in their order."""
    return [node.target for node in module.graph.nodes if node.op == "call_function"]


def distance(found, expected):
    """The largest difference by the largest expected value."""
    assert found.shape == expected.shape
    difference = (found - expected).detach().abs().max()
    return float(difference / expected.detach().abs().max().clamp(min=1e-300))
