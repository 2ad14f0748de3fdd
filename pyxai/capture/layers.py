"""Layers of a captured graph, found by the names their modules have in the user's model."""

from __future__ import annotations

import difflib

from torch import fx

from pyxai.capture.export import module_calls


def name_layers(module: fx.GraphModule) -> None:
    """Note in ``node.meta["layers"]`` which module calls return that node's value.

    A module's value is the last one made in it that is used outside it. The second call of a module is
    ``name#2``.
    """
    last: dict[str, fx.Node] = {}
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue
        node.meta["layers"] = []
        for call in module_calls(node):
            if any(call not in module_calls(user) for user in node.users):
                last[call] = node
    for call, node in last.items():
        node.meta["layers"].append(call)


def layer_names(module: fx.GraphModule) -> list[str]:
    """Names whose value the graph still computes, in the order they are reached."""
    return [name for node in module.graph.nodes for name in node.meta.get("layers", [])]


def find_layer(module: fx.GraphModule, name: str) -> fx.Node:
    """The node that holds the value of the layer ``name``.

    Raises:
        ValueError: where there is none, with the nearest names.
    """
    for node in module.graph.nodes:
        if name in node.meta.get("layers", []):
            return node
    names = layer_names(module)
    close = difflib.get_close_matches(name, names, 3) or names[-5:]
    raise ValueError(
        f"`layer` must name a module that computes something, got {name!r}; near it: {', '.join(close)}"
    )
