"""From a model's output to what is explained, (N, K): in a captured graph, and without one."""

from __future__ import annotations

import dataclasses
from functools import partial

import torch
from torch import Tensor, fx, nn

from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.derivative import dead_ends
from pyxai.capture.export import export
from pyxai.capture.needs import Needs
from pyxai.capture.output.ends import End, take_off
from pyxai.capture.output.kinds import Output
from pyxai.capture.output.number import (
    Call,
    Made,
    call_name,
    gradient,
    made,
    numbers,
    one_number,
    same_gradient,
    without_gradient,
)
from pyxai.checks import expect


class Scored(nn.Module):
    """A model that runs as it is, up to what is explained."""

    def __init__(self, classifier: Classifier, output: Output):
        super().__init__()
        self.classifier, self.output = classifier, output

    def forward(self, images: Tensor) -> Tensor:
        return self.output.scores(self.classifier(images))


def finish(
    module: fx.GraphModule, end: End | None, output: Output, images: Tensor, needs: Needs
) -> Made | None:
    """Bring a captured graph, whose output is the model's, to what is explained.

    A callable becomes operations of the graph where it can be traced and, for methods that take gradients,
    where theirs is its own; else it is one call that gradients can pass.

    Args:
        module: the graph, which is changed.
        end: what ``output`` takes off, if it does.
        images: some that differ, (n, C, H, W).
        needs: what will be asked of the graph.

    Returns:
        What a callable made of the outputs for ``images``; None where there is no callable.

    Raises:
        ValueError, TypeError: a callable cannot be called with the outputs, has no gradient although one is
            asked for, or cannot be traced although the graph's operations are.
    """
    if output.taken_off:
        take_off(module, end)
    if not output.rearranges:
        return None
    with torch.no_grad():
        values = module(images)
    if output.call is None:
        _append(module, _traced(output, values))
        return None
    found = made(output.call, values)
    added = _traced_call(output, found)
    if needs >= Needs.GRADIENTS:
        added, note = _with_gradient(added, output.call, values, needs is Needs.GRAPH)
        found = dataclasses.replace(found, note=note)
    if added is None:
        _append_call(module, output.call)
    else:
        _append(module, added)
    return found


def _with_gradient(
    added: fx.GraphModule | None, call: Call, values: Tensor, operations: bool
) -> tuple[fx.GraphModule | None, str]:
    """The operations of a callable, None where its gradient is not theirs; and a note where they stay so.

    Args:
        operations: whether they are asked for, whatever its gradient is.
    """
    name = call_name(call)
    wanted = "be made of operations of torch on fixed shapes for this method, which goes by the model's graph"
    expect(added is not None or not operations, "target", wanted, name)
    ends = None if added is None else dead_ends(added.graph, name)
    own = gradient(partial(numbers, call), values)
    ended = ends is not None if operations else own is None
    if ended:
        raise without_gradient(call, ends or [])
    if added is None or same_gradient(added, partial(numbers, call), values):
        return added, ""
    if not operations:
        return None, ""
    return added, f"the gradient of {name} is not the derivative of what it computes, which is followed"


class _Rearranged(nn.Module):
    """:meth:`Output.scores` as a trace can follow it, with one call of a callable for all images."""

    def __init__(self, output: Output):
        super().__init__()
        self.output, self.call = output, output.call  # a module is then one of this one's

    def forward(self, values: Tensor) -> Tensor:
        if self.output.call is None:
            return self.output.scores(values)
        return torch.vmap(partial(one_number, self.output.call))(values)[:, None]


def _traced(output: Output, values: Tensor) -> fx.GraphModule:
    added = export(Classifier(_Rearranged(output), any_shape=True), values)
    canonicalise(added)
    return added


def _traced_call(output: Output, found: Made) -> fx.GraphModule | None:
    """The operations of a callable, None where they cannot be found or are not all that it does."""
    try:
        added = _traced(output, found.values)
        with torch.no_grad():
            values = added(found.values)
    except Exception:  # the user's own code, and traces of it, may raise anything
        return None
    # else it looks at more than its operations, and was traced with other numbers
    return added if torch.allclose(values, found.numbers, rtol=1e-3, equal_nan=True) else None


def _append(module: fx.GraphModule, added: fx.GraphModule) -> None:
    """Let what ``module`` gives pass through ``added``."""
    end = next(iter(reversed(module.graph.nodes)))
    copies: dict[fx.Node, fx.Node] = {}
    with module.graph.inserting_before(end):
        for node in added.graph.nodes:
            if node.op == "placeholder":
                copies[node] = end.args[0]
            elif node.op == "get_attr":
                name = f"output_{node.target}"
                module.register_buffer(name, getattr(added, node.target))
                copies[node] = module.graph.get_attr(name)
                copies[node].meta = dict(node.meta)
            elif node.op == "output":
                end.args = (copies[node.args[0]],)
            else:
                copies[node] = module.graph.node_copy(node, copies.__getitem__)
                copies[node].meta = dict(node.meta)
    module.graph.lint()
    module.recompile()


def _append_call(module: fx.GraphModule, call: Call) -> None:
    output = Output(call=call)

    def target_of_each(values: Tensor) -> Tensor:
        return output.scores(values)

    target_of_each.__name__ = target_of_each.__qualname__ = f"target {call_name(call)}"
    end = next(iter(reversed(module.graph.nodes)))
    source = end.args[0]
    with module.graph.inserting_before(end):
        node = module.graph.call_function(target_of_each, (source,))
    node.meta = dict(source.meta, val=source.meta["val"].flatten(1)[:, :1], layers=[])
    end.args = (node,)
    module.graph.lint()
    module.recompile()
