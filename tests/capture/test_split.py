"""A graph cut, copied, observed and run on from other values computes what the whole one does."""

import pytest
import torch
from torch import fx, nn

from pyxai.capture import split
from tests.graphs import Written, pixels, targets

aten = torch.ops.aten
X = torch.linspace(-1, 1, 6, dtype=torch.float64).reshape(2, 3)


class Branches(nn.Module):
    def forward(self, images):
        first = images.sin()
        second = first * first
        return second + first + images


@pytest.fixture
def graph():
    module = fx.symbolic_trace(Branches())
    nodes = {node.name: node for node in module.graph.nodes}
    nodes["sin"].meta["layers"] = ["first"]
    return module, nodes


def test_copy_keeps_what_is_known_of_nodes(graph):
    module, _ = graph
    twin = split.copy(module)
    assert torch.equal(twin(X), module(X))
    assert [node.meta for node in twin.graph.nodes] == [node.meta for node in module.graph.nodes]
    assert twin.graph is not module.graph


def test_before(graph):
    module, nodes = graph
    assert torch.equal(split.before(module, nodes["mul"])(X), X.sin() * X.sin())


def test_behind():
    class Chain(nn.Module):
        def forward(self, images):
            return images.tanh().sigmoid()

    module = fx.symbolic_trace(Chain())
    cut = next(node for node in module.graph.nodes if node.name == "tanh")
    assert torch.equal(split.behind(module, cut)(X), X.sigmoid())


def test_beside(graph):
    module, nodes = graph
    output, (first, square) = split.beside(module, [nodes["sin"], nodes["mul"]])(X)
    assert (
        torch.equal(output, module(X)) and torch.equal(first, X.sin()) and torch.equal(square, X.sin() ** 2)
    )
    assert [len(values) for values in split.beside(module, [nodes["sin"]], scores=False)(X)] == [2]


def test_beside_passes_values_through_a_function_for_everyone(graph):
    module, nodes = graph
    output, (first,) = split.beside(module, [nodes["sin"]], through=lambda value: value + 1)(X)
    assert torch.equal(first, X.sin() + 1)
    assert torch.equal(output, first * first + first + X)


def test_replaced_values_go_on_and_branches_stay(graph):
    module, nodes = graph
    given = torch.full_like(X, 3.0)
    assert torch.equal(split.replaced(module, [nodes["sin"]])(X, [given]), 12 + X)
    assert torch.equal(split.replaced(module, [nodes["mul"]])(X, [given]), 3 + X.sin() + X)
    images = next(iter(module.graph.nodes))
    assert torch.equal(split.replaced(module, [images])(X, [given]), module(given))


def test_the_parts_of_a_graph_that_asks_for_the_batch_size():
    """``behind`` takes it from the values; both parts, and a copy, share the graph's tensors."""
    net = Written(pixels(3, 2, 5, 5))
    cut = net.call(aten.conv2d.default, net.images, net.tensor(pixels(4, 2, 3, 3)))
    size = net.call(aten.sym_size.int, net.images, 0)
    shift = net.call(aten.expand.default, net.tensor(pixels(1, 4, 3, 3, seed=2)), [size, 4, 3, 3])
    module = net.module(net.call(aten.relu.default, net.call(aten.add.Tensor, cut, shift)))
    front, back, twin = split.before(module, cut), split.behind(module, cut), split.copy(module)
    assert targets(front) == [aten.conv2d.default] and aten.conv2d.default not in targets(back)
    for count in (1, 3, 4):
        images = pixels(count, 2, 5, 5, seed=4)
        assert torch.equal(back(front(images)), module(images))
    own = {tensor.data_ptr() for tensor in module.buffers()}
    assert all(tensor.data_ptr() in own for part in (front, back, twin) for tensor in part.buffers())
    list(twin.graph.nodes)[-2].target = aten.tanh.default
    assert aten.tanh.default not in targets(module)


def test_what_sees_the_images():
    class Residual(nn.Module):
        def forward(self, images):
            return torch.add(torch.add(images.sin(), images), torch.zeros_like(images))

    module = fx.symbolic_trace(Residual())
    nodes = {node.name: node for node in module.graph.nodes}
    assert split.sees_images(module)
    assert split.sees_images(split.replaced(module, [nodes["sin"]]))  # which the images bypass
    with module.graph.inserting_after(nodes["images"]):
        size = module.graph.call_function(aten.sym_size.int, (nodes["images"], 0))
        blank = module.graph.call_function(aten.zeros_like.default, (nodes["images"],))
    nodes["zeros_like"].replace_all_uses_with(blank)
    assert not split.sees_images(split.replaced(module, [nodes["add"]]))
    for value in (size, blank):  # how many there are, and of what shape, does not count
        assert not split.sees_images(split.before(module, value))
