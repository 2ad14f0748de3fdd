"""Copies of a graph, whole or cut in two at a node; they share the graph's tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, fx

from pyxai.capture.vocabulary import CREATIONS, SIZES

aten = torch.ops.aten


def copy(module: fx.GraphModule) -> fx.GraphModule:
    """The whole graph, with what is known of its nodes."""
    graph, copies = fx.Graph(), {}
    graph.output(graph.graph_copy(module.graph, copies))
    for original, copied in copies.items():
        copied.meta = dict(original.meta)
    return let_go(fx.GraphModule(module, graph))


def let_go(module: fx.GraphModule) -> fx.GraphModule:
    """Let the graph not hold the module: else both, and all tensors, stay until Python looks for circles."""
    module.graph.owning_module = None
    return module


def before(module: fx.GraphModule, cut: fx.Node) -> fx.GraphModule:
    """The graph from the images to ``cut``."""
    graph, copies = fx.Graph(), {}
    for node in module.graph.nodes:
        copies[node] = graph.node_copy(node, copies.__getitem__)
        if node is cut:
            break
    graph.output(copies[cut])
    return _finish(module, graph)


def behind(module: fx.GraphModule, cut: fx.Node, axis: int = 0) -> fx.GraphModule:
    """The graph from ``cut``, which must be all the output sees of the images and gives the batch size.

    Args:
        axis: where the value of ``cut`` has the images.
    """
    images = next(node for node in module.graph.nodes if node.op == "placeholder")
    graph = fx.Graph()
    entry = graph.placeholder("values")
    copies = {cut: entry}
    for node in module.graph.nodes:
        if node.op == "output":
            graph.output(copies[node.args[0]])
        elif node.target is aten.sym_size.int and node.args[0] is images:
            copies[node] = graph.call_function(aten.sym_size.int, (entry, axis))
        elif node not in (images, cut) and all(source in copies for source in node.all_input_nodes):
            copies[node] = graph.node_copy(node, copies.__getitem__)
    return _finish(module, graph)


def beside(
    module: fx.GraphModule,
    nodes: list[fx.Node],
    through: Callable[[Tensor], Tensor] | None = None,
    scores: bool = True,
) -> fx.GraphModule:
    """The graph with the values of ``nodes`` beside its output: (output, [value, …]).

    Args:
        through: what each value is passed through before anything uses it.
        scores: whether the output is wanted too; else the graph ends with the values.
    """
    graph, copies = fx.Graph(), {}
    output = graph.graph_copy(module.graph, copies)
    for original, copied in copies.items():
        copied.meta = dict(original.meta)
    values = {node: copies[node] for node in nodes}
    for node, value in values.items() if through else ():
        with graph.inserting_after(value):
            passed = graph.call_function(through, (value,))
        passed.meta = dict(value.meta)
        value.replace_all_uses_with(passed, lambda user, own=passed: user is not own)
        values[node] = passed
        output = passed if output is value else output
    found = [values[node] for node in nodes]
    graph.output((output, found) if scores else found)
    return _finish(module, graph)


def collecting(
    module: fx.GraphModule, parts: Iterable[tuple[fx.Node, Callable[..., Tensor] | None, tuple]]
) -> fx.GraphModule:
    """The graph with what is made of inner values beside its output: (output, [part, …]).

    Args:
        parts: (node, function, arguments behind the value): what is made of a node; its value without a
            function.
    """
    graph, copies = fx.Graph(), {}
    output = graph.graph_copy(module.graph, copies)
    for original, copied in copies.items():
        copied.meta = dict(original.meta)
    found, last = [], {}
    for node, function, arguments in parts:
        if function is None:
            found.append(copies[node])
            continue
        with graph.inserting_after(last.get(node, copies[node])):
            last[node] = graph.call_function(function, (copies[node], *arguments))
        found.append(last[node])
    graph.output((output, found))
    return _finish(module, graph)


def replaced(module: fx.GraphModule, nodes: list[fx.Node]) -> fx.GraphModule:
    """The graph as a function of images and [value, …] that stand in place of those of ``nodes``."""
    graph, copies = fx.Graph(), {}
    images = next(node for node in module.graph.nodes if node.op == "placeholder")
    copies[images] = graph.node_copy(images)
    values = graph.placeholder("values")
    for node in module.graph.nodes:
        if node in nodes:
            copies[node] = graph.call_function(operator.getitem, (values, nodes.index(node)))
            copies[node].meta = node.meta.copy()  # speed-ups ask for its shape
        elif node is not images:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    return _finish(module, graph)


def sees_images(module: fx.GraphModule) -> bool:
    """Whether what a graph gives depends on the pixels of its first input; their number does not count."""
    nodes = list(module.graph.nodes)
    seen = {next(node for node in nodes if node.op == "placeholder")}
    for node in nodes:
        if node.target not in SIZES | CREATIONS and seen.intersection(node.all_input_nodes):
            seen.add(node)
    return nodes[-1] in seen


def _finish(module: fx.GraphModule, graph: fx.Graph) -> fx.GraphModule:
    graph.eliminate_dead_code()
    graph.lint()
    return let_go(fx.GraphModule(module, graph))
