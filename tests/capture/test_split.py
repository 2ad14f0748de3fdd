"""A graph cut, copied, observed and run on from other values computes what the whole one does."""

import pytest
import torch
from torch import fx, nn

from pyxai.capture import split

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
