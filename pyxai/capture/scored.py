"""From a model's output to what is explained, (N, K): in a captured graph, and without one."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, fx, nn

from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.ends import End, take_off
from pyxai.capture.export import CaptureError, export
from pyxai.capture.outputs import Call, Output, call_name, one_number
from pyxai.checks import expect


class Scored(nn.Module):
    """A model that runs as it is, up to what is explained.

    Attributes:
        model: the module inside, which has the layers.
    """

    def __init__(self, classifier: Classifier, output: Output):
        super().__init__()
        self.classifier, self.output = classifier, output

    @property
    def model(self) -> nn.Module:
        return self.classifier.model

    def forward(self, images: Tensor) -> Tensor:
        return self.output.scores(self.classifier(images))


class Odds(nn.Module):
    """``function`` with log-probabilities for probabilities, (n, K): what gradients can be compared by.

    The gradient of a confident probability is rounding and nothing else. The most probable class, and those
    whose probability is no normal number, are left out: they are 0.
    """

    def __init__(self, function: nn.Module, end: End | None):
        super().__init__()
        self.function, self.name = function, end.name if end else ""

    def forward(self, images: Tensor) -> Tensor:
        values = self.function(images)
        if self.name == "softmax":
            other = values < values.amax(1, keepdim=True)
            kept = other & (values > torch.finfo(values.dtype).tiny)
            values = torch.where(kept, values.where(kept, 0.5).log(), 0)
        elif self.name == "sigmoid":
            kept = (values > torch.finfo(values.dtype).tiny) & (values < 1)
            values = torch.where(kept, values.where(kept, 0.5).logit(), 0)
        return values.flatten(1)


def finish(module: fx.GraphModule, end: End | None, output: Output, images: Tensor, operations: bool) -> None:
    """Bring a captured graph, whose output is the model's, to what is explained.

    A callable becomes operations of the graph where it can be traced, else one call that gradients can pass.

    Args:
        module: the graph, which is changed.
        end: what ``output`` takes off, if it does.
        images: some that differ, (n, C, H, W).
        operations: whether the graph's operations are asked for.

    Raises:
        ValueError: a callable cannot be traced although they are.
    """
    if output.taken_off:
        take_off(module, end)
    if not output.rearranges:
        return
    with torch.no_grad():
        values = module(images)
        wanted = output.scores(values)
    added = _traced(output, values)
    if added is not None and output.call is not None:
        with torch.no_grad():
            found = added(values)
        if not torch.allclose(found, wanted, rtol=1e-3, equal_nan=True):
            added = None  # it looks at more than its operations, and was traced with other numbers
    if added is not None:
        _append(module, added)
        return
    wanted = "be made of operations of torch on fixed shapes for this method, which goes by the model's graph"
    expect(not operations, "target", wanted, call_name(output.call))
    _append_call(module, output.call)


class _Rearranged(nn.Module):
    """:meth:`Output.scores` as a trace can follow it, with one call of a callable for all images."""

    def __init__(self, output: Output):
        super().__init__()
        self.output = output

    def forward(self, values: Tensor) -> Tensor:
        if self.output.call is None:
            return self.output.scores(values)
        return torch.vmap(partial(one_number, self.output.call))(values)[:, None]


def _traced(output: Output, values: Tensor) -> fx.GraphModule | None:
    try:
        added = export(Classifier(_Rearranged(output), any_shape=True), values)
        canonicalise(added)
    except (CaptureError, ValueError, TypeError):
        return None
    return added


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
