"""A walk over the captured graph: forward keeping what the rules will read, backward with their messages.

Every method that replaces the backward pass is a :class:`Propagation`: it names the :class:`Rule` of each
step and says how two messages for one value are added. The walker knows neither relevance nor multipliers.

To add a method, subclass :class:`Propagation` and write a rule for each kind of operation. A rule declares in
:meth:`Rule.plan` what form of message it hands to each source and which values it will read; from that the
walker knows before the first image what to keep and when to let it go. ``Form`` is whatever distinguishes
messages that need different treatment (None where there is one kind only).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from pyxai.capture.calls import spatial_mean
from pyxai.capture.derivative import dead_ends, no_gradient
from pyxai.capture.export import module_path, operation
from pyxai.capture.layers import off_the_path
from pyxai.capture.vocabulary import AFFINE, AVERAGE_POOLS_2D, CONVOLUTIONS_2D, CREATIONS, MAX_POOLS

aten = torch.ops.aten

Form = Any
Message = Any

# These write a new tensor, never a view of another.
_OWN_VALUE = (
    CONVOLUTIONS_2D
    | AFFINE
    | AVERAGE_POOLS_2D
    | MAX_POOLS
    | {aten.linear.default, aten.add.Tensor, aten.cat.default, aten.relu.default, spatial_mean}
)


@dataclass(frozen=True, eq=False)
class Step:
    """One call of the graph whose value depends on the images' pixels.

    Attributes:
        node: the call.
        sources: its arguments that depend on them, each once, in the order of the call.
    """

    node: fx.Node
    sources: tuple[fx.Node, ...]

    @property
    def constants(self) -> list[fx.Node]:
        """Its arguments that do not depend on the images."""
        return [node for node in self.node.all_input_nodes if node not in self.sources]

    @property
    def operation(self) -> str:
        """``conv2d``, ``add``, …"""
        return operation(self.node)

    @property
    def module(self) -> str:
        """Dotted name of the module that made the call; "" for the model itself."""
        return module_path(self.node)

    def unsupported(self, cure: str) -> ValueError:
        """The error for a step that there is no rule for."""
        where = f"in `{self.module}`" if self.module else "in the model's own forward"
        return ValueError(f"no rule for the operation `{self.operation}` {where}; {cure}")


class Rule:
    """How messages go back through one step."""

    def plan(self, step: Step, form: Form) -> tuple[list[tuple[fx.Node, Form]], Iterable[fx.Node]]:
        """What :meth:`backward` will do with a message of this form.

        Returns:
            (source, form of its message) for every message it will return, in that order, and the nodes whose
            values it will read.
        """
        raise NotImplementedError

    def forward(self, step: Step, arguments: tuple, settings: dict, tape: Tape) -> Tensor:
        """The step's value; a rule that needs more of the forward pass leaves it in ``tape.notes``."""
        return step.node.target(*arguments, **settings)

    def backward(self, step: Step, message: Message, tape: Tape) -> list[Message]:
        """Messages for the sources planned."""
        raise NotImplementedError


class Propagation:
    """A method: a rule for every step, and the arithmetic of messages.

    Attributes:
        constant: whether a call's value counts as a constant although it depends on the images.
    """

    constant: Callable[[fx.Node], bool] = staticmethod(lambda node: False)

    def rule(self, step: Step) -> Rule:
        """The rule of a step that messages reach; raises :meth:`Step.unsupported` where there is none."""
        raise NotImplementedError

    def join(self, node: fx.Node, first: Form, second: Form) -> tuple[Form, Iterable[fx.Node]]:
        """Form of the sum of two messages for ``node``, and the nodes whose values :meth:`add` will read."""
        return first, ()

    def add(self, node: fx.Node, first: Message, second: Message, tape: Tape) -> Message:
        """Sum of two messages for ``node``; neither may be written to."""
        return first + second

    def reads(self, node: fx.Node, form: Form) -> Iterable[fx.Node]:
        """Nodes whose values are needed to make use of the message for ``node``, where the walk ends."""
        return ()


Watch = Callable[[Step, Rule, Message, dict[fx.Node, Message]], None]


class Tape:
    """Values of one forward pass, as far as they will be read.

    Attributes:
        values: node to value.
        layouts: node to (shape, stride), of every node that depends on the images.
        notes: step to whatever its rule kept for itself.
        shares: step to what it gave to none of its sources in one walk back, (n,) float64: the share of a
            bias.
        spare: nodes whose values nothing will read after the rule that runs, which may write over them.
    """

    def __init__(self, constants: dict[fx.Node, Any]):
        self.values: dict[fx.Node, Any] = dict(constants)
        self.layouts: dict[fx.Node, tuple[torch.Size, tuple[int, ...]]] = {}
        self.notes: dict[Step, Any] = {}
        self.shares: dict[Step, Tensor] = {}
        self.spare: Collection[fx.Node] = ()

    def __getitem__(self, node: fx.Node) -> Tensor:
        return self.values[node]

    def absorb(self, step: Step, share: Tensor) -> None:
        """Add ``share`` (n,) to what ``step`` kept."""
        self.shares[step] = self.shares[step] + share if step in self.shares else share

    def arguments(self, node: fx.Node) -> tuple[tuple, dict]:
        """Positional arguments and settings of a call, with values for nodes."""
        return fx.node.map_arg((node.args, node.kwargs), self.values.__getitem__)


class Walk:
    """A graph made ready for one method.

    Args:
        module: a canonical graph of one tensor in, one tensor out; it is not changed.
        propagation: the method.
        form: that of the message the walk starts from, which is for the output.
        at: the value that the walk goes back to; None for the images. What lies before it, and what bypasses
            it, is not walked.

    Raises:
        ValueError: the output does not depend on the images, or on the value ``at``, by what the method does
            not take for constant, or a message would reach a step that the method has no rule for.
    """

    def __init__(
        self, module: fx.GraphModule, propagation: Propagation, form: Form = None, at: fx.Node | None = None
    ):
        nodes = list(module.graph.nodes)
        self.propagation = propagation
        self.images = next(node for node in nodes if node.op == "placeholder")
        self.at = self.images if at is None else at
        self.end: fx.Node = nodes[-1].args[0]
        self.constants = constants(module)
        self.calls = [node for node in nodes if node.op == "call_function" and node not in self.constants]
        self.steps = {
            step.node: step for step in varying_steps(self.calls, self.images, propagation.constant)
        }
        self._behind = {self.at} | {
            step.node for step in varying_steps(self.calls, self.at, propagation.constant)
        }
        if self.end not in self._behind:
            raise (
                no_gradient(dead_ends(module.graph) or [])
                if at is None
                else off_the_path(at.meta["layers"][0])
            )
        self.rules: dict[Step, Rule] = {}
        # sizes, what the method takes for constant, and what is made of them
        self._keep = {node for node in self.calls if node not in self.steps}
        self._done: dict[fx.Node, list[fx.Node]] = defaultdict(list)  # values no longer read after a node
        self._plan(form)
        self._last = _last_uses(self.calls)
        self._overwriting = {node for node in self.calls if self._may_overwrite(node)}

    def forward(self, images: Tensor, keep_all: bool = False) -> Tape:
        """Run the graph on ``images`` (n, C, H, W), keeping what the rules will read and the output.

        Args:
            keep_all: keep every value.
        """
        tape = Tape(self.constants)
        tape.values[self.images] = images
        tape.layouts[self.images] = images.shape, images.stride()
        for node in self.calls:
            arguments, settings = tape.arguments(node)
            step = self.steps.get(node)
            rule = self.rules.get(step)
            if node in self._overwriting and not keep_all:
                value = aten.relu_(*arguments)
            elif rule is None:
                value = node.target(*arguments, **settings)
            else:
                value = rule.forward(step, arguments, settings, tape)
            if isinstance(value, Tensor):
                tape.layouts[node] = value.shape, value.stride()
            tape.values[node] = value
            for used in self._last.get(node, ()):
                if not keep_all and used not in self._keep and used not in self.constants:
                    del tape.values[used]
        return tape

    def backward(
        self, tape: Tape, message: Message, again: bool = False, watch: Watch | None = None
    ) -> Message:
        """Walk back from the output with ``message``; the message that reaches the images, or ``at``.

        Args:
            again: whether the tape will be walked again (several targets); else values are let go on the way.
            watch: called with every step, its rule, the message to it and those it sends to its sources.
        """
        tape.shares.clear()
        pending = {self.end: message}
        for node in reversed(self.calls):
            message = None if node is self.at else pending.pop(node, None)
            if message is None:
                continue
            step = self.steps[node]
            rule = self.rules[step]
            tape.spare = () if again or watch is not None else self._spare[node]
            parts = rule.backward(step, message, tape)
            if watch is not None:
                sources = [source for source, _ in self._routes[step]]
                watch(step, rule, message, dict(zip(sources, parts, strict=True)))
            del message
            for (source, _), part in zip(self._routes[step], parts, strict=True):
                if source not in self._behind:
                    continue
                if source in pending:
                    part = self.propagation.add(source, pending[source], part, tape)
                pending[source] = part
            del parts, part
            if not again:
                for used in self._done.get(node, ()):
                    del tape.values[used]
        return pending[self.at]

    def of_images(self, values: Tensor, count: int) -> Tensor:
        """``values`` of the node ``at``, for ``count`` images, image by image: (count, …)."""
        return values if len(values) == count else values.unflatten(0, (count, -1))

    def _may_overwrite(self, node: fx.Node) -> bool:
        """Whether a ReLU alone sees a value of its source's own (a view would), which no rule will read."""
        if node.target is not aten.relu.default:
            return False
        source = node.args[0]
        return source.target in _OWN_VALUE and len(source.users) == 1 and source not in self._keep

    def _alone(self, node: fx.Node) -> bool:
        """Whether no other value shares its memory with that of ``node``."""
        return all(other.target in _OWN_VALUE for other in (node, *node.users))

    def _plan(self, form: Form) -> None:
        """Walk back with forms in place of messages: which rules run, what they read, and who reads last."""
        forms = {self.end: form}
        self._routes: dict[Step, list[tuple[fx.Node, Form]]] = {}
        reader: dict[fx.Node, fx.Node] = {}
        self._spare: dict[fx.Node, set[fx.Node]] = {}
        for node in reversed(self.calls):
            if node not in forms or node is self.at:
                continue
            step = self.steps[node]
            rule = self.rules[step] = self.propagation.rule(step)
            routes, reads = rule.plan(step, forms[node])
            reads, read_after = set(reads), set()
            self._routes[step] = routes
            for source, part in routes:
                if source not in self._behind:
                    continue
                if source in forms:
                    part, more = self.propagation.join(source, forms[source], part)
                    read_after.update(more)
                forms[source] = part
            self._spare[node] = reads - read_after
            # what does not depend on the images' pixels stays, so that rules need not name it
            reader.update(dict.fromkeys((reads | read_after).intersection(self.steps), node))
        if self.at not in forms:
            raise no_gradient([])
        kept = {self.images, self.at, self.end, *self.propagation.reads(self.at, forms[self.at])}
        self._keep.update(kept, reader)
        for value, node in reader.items():
            if value not in kept:
                self._done[node].append(value)
        for node, values in self._spare.items():
            values.intersection_update(filter(self._alone, self._done[node]))


def constants(module: fx.GraphModule) -> dict[fx.Node, Any]:
    """Values that depend neither on the images nor on how many there are."""
    values: dict[fx.Node, Any] = {}
    for node in module.graph.nodes:
        if node.op == "get_attr":
            values[node] = getattr(module, node.target)
        elif node.op == "call_function" and all(source in values for source in node.all_input_nodes):
            arguments, settings = fx.node.map_arg((node.args, node.kwargs), values.__getitem__)
            values[node] = node.target(*arguments, **settings)
    return values


def varying_steps(
    calls: list[fx.Node], images: fx.Node, constant: Callable[[fx.Node], bool] = Propagation.constant
) -> Iterable[Step]:
    """The calls whose value depends on the images' pixels; their number (``sym_size``) does not.

    Args:
        constant: see :class:`Propagation`.
    """
    varying = {images}
    for node in calls:
        if node.target in CREATIONS or constant(node):
            continue
        sources = tuple(source for source in node.all_input_nodes if source in varying)
        if sources and isinstance(node.meta.get("val"), (Tensor, tuple, list)):  # else a size
            varying.add(node)
            yield Step(node, sources)


def _last_uses(calls: list[fx.Node]) -> dict[fx.Node, list[fx.Node]]:
    """Call to the nodes it is the last to use."""
    last = {}
    for node in calls:
        last.update(dict.fromkeys(node.all_input_nodes, node))
    uses = defaultdict(list)
    for used, node in last.items():
        uses[node].append(used)
    return uses
