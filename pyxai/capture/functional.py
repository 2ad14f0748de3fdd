"""An exported program without in-place operations, where it takes little to see that.

``ExportedProgram.run_decompositions`` makes any program functional and writes operations as others. It traces
the program again to do so, which takes longer than the export itself. Most networks need none of that: what
they hold are operations that are known here, and activations and sums in place of values that nothing else
has a view of.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx

from pyxai.capture import vocabulary
from pyxai.capture.canonical import NORMS, keeps_form

aten = torch.ops.aten

KNOWN = frozenset(
    {target for value in vars(vocabulary).values() if isinstance(value, frozenset) for target in value}
    | NORMS
    | {
        operator.getitem,
        aten._assert_tensor_metadata.default,
        aten.arange.default,
        aten.embedding.default,
        aten.exp.default,
        aten.linalg_vector_norm.default,
        aten.max_pool1d.default,
        aten.pow.Tensor_Scalar,
        aten.scaled_dot_product_attention.default,
        aten.split.Tensor,
        aten.split_with_sizes.default,
        aten.unbind.int,
        aten.view.default,
    }
)

_DROPOUTS = (
    aten.dropout,
    aten.dropout_,
    aten.feature_dropout,
    aten.feature_dropout_,
    aten.alpha_dropout,
    aten.alpha_dropout_,
    aten.feature_alpha_dropout,
    aten.feature_alpha_dropout_,
)


def remove_idle(program: torch.export.ExportedProgram) -> None:
    """Take out what gives back what it is given, memory and all: dropouts that set nothing to zero, and
    conversions to the type that a value has.

    The schema of a dropout does not say so, and ``run_decompositions`` takes its result for a copy.
    """
    graph = program.graph
    for node in graph.nodes:
        if _is_idle(node):
            node.replace_all_uses_with(node.args[0])
            program.graph_signature.replace_all_uses(node.name, node.args[0].name)
            graph.erase_node(node)
    program.graph_module.recompile()


def _is_idle(node: fx.Node) -> bool:
    if getattr(node.target, "overloadpacket", None) in _DROPOUTS:
        _, probability, training = node.args
        return not (probability and training)
    if node.target is aten.to.dtype and len(node.args) == 2 and not node.kwargs:
        return keeps_form(node)
    return False


def make_functional(graph: fx.Graph) -> bool:
    """Write the in-place operations of a graph by others.

    Returns:
        Whether all of the graph is known; else its in-place operations are left as they are.
    """
    _write_by_known_views(graph)
    plan = _plan(graph)
    if plan is None:
        return False
    owner, written = plan
    now: dict[fx.Node, fx.Node] = {}  # what has the values of a piece of memory

    def current(node: fx.Node) -> fx.Node:
        return now.get(owner[node], node)

    for node in list(graph.nodes):
        node.args = fx.node.map_arg(node.args, current)
        node.kwargs = fx.node.map_arg(node.kwargs, current)
        if node in written:
            with graph.inserting_before(node):
                call = graph.call_function(written[node], node.args, node.kwargs)
            call.meta = dict(node.meta)
            owner[call], now[owner[node]] = owner[node], call
    for node in reversed(written):
        graph.erase_node(node)
    return True


def _write_by_known_views(graph: fx.Graph) -> None:
    """Attention splits its heads by ``unflatten``, which a view can do of any memory, or by ``chunk``."""
    for node in graph.nodes:
        if node.target is aten.unflatten.int:
            size = [known if isinstance(known, int) else -1 for known in node.meta["val"].shape]
            if size.count(-1) <= 1:
                node.target, node.args, node.kwargs = aten.view.default, (node.args[0], size), {}
        elif node.target is aten.chunk.default and not node.kwargs:
            values, parts, axis = (*node.args, 0)[:3]
            length = values.meta["val"].shape[axis]
            if isinstance(length, int) and length:
                node.target, node.args = aten.split.Tensor, (values, -(-length // parts), axis)


def _plan(graph: fx.Graph) -> tuple[dict[fx.Node, fx.Node], dict[fx.Node, torch._ops.OpOverload]] | None:
    """The first node of each node's memory, and what to call in the place of what; None: not all is known."""
    owner: dict[fx.Node, fx.Node] = {}
    written: dict[fx.Node, torch._ops.OpOverload] = {}
    shared = set()  # memory that is not the program's own, or of which there are views
    for node in graph.nodes:
        owner[node] = node
        if node.op == "placeholder":
            shared.add(node)
        elif node.op == "output":
            continue
        elif node.op != "call_function":
            return None
        elif node.target in KNOWN:
            if node.target in NORMS and (node.args[5] or node.args[3] is None):
                return None  # by the moments of these images, and may write them down
            if _is_view(node.target):
                shared.update(owner[source] for source in node.all_input_nodes)
                shared.add(node)
        elif (target := _out_of_place(node)) is not None and owner[node.args[0]] not in shared:
            owner[node], written[node] = owner[node.args[0]], target
        else:
            return None
    return owner, written


def _is_view(target: Any) -> bool:
    """Whether the result may share memory with an argument."""
    if not isinstance(target, torch._ops.OpOverload):
        return True
    return any(result.alias_info is not None for result in target._schema.returns)


def _out_of_place(node: fx.Node) -> torch._ops.OpOverload | None:
    """The known operation that gives what ``node`` writes into its first argument, None without one."""
    if not isinstance(node.target, torch._ops.OpOverload) or not node.target._schema.is_mutable:
        return None
    packet, overload = node.target.overloadpacket.__name__, node.target._overloadname
    target = getattr(getattr(aten, packet.removesuffix("_"), None), overload, None)
    if not packet.endswith("_") or target not in KNOWN - {aten.detach.default}:
        return None
    values = fx.node.map_arg((node.args, node.kwargs), lambda source: source.meta["val"])
    before = node.meta["val"]
    with before.fake_mode:
        after = target(*values[0], **values[1])
    same = isinstance(after, Tensor) and (after.dtype, after.shape) == (before.dtype, before.shape)
    return target if same else None
