"""Model to flat ATen graph, with weights as attributes and one tensor in, one tensor out."""

from __future__ import annotations

import gc
import itertools
import logging
import math
import operator
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import contextmanager, redirect_stderr, suppress
from functools import cache
from typing import Any, TextIO

import torch
from torch import Tensor, fx, nn
from torch.export.graph_signature import InputKind, OutputKind
from torch.fx.traceback import annotate_fn

from pyxai.capture.calls import deviation
from pyxai.capture.classifier import Classifier
from pyxai.capture.functional import make_functional, remove_idle
from pyxai.capture.guards import must
from pyxai.capture.isolated import NotCopied, isolated
from pyxai.capture.layers import Watch
from pyxai.checks import brief

aten = torch.ops.aten

_ASSERTIONS = (
    aten._assert_tensor_metadata.default,
    aten._assert_async.msg,
    aten._assert_scalar.default,
    aten.sym_constrain_range.default,
    aten.sym_constrain_range_for_size.default,
)
_COMPOSED = (  # operations that torch itself writes as several, of which every method knows the rules
    aten.addcdiv.default,
    aten.addcmul.default,
    aten.baddbmm.default,
    aten.channel_shuffle.default,
    aten.clip.default,
    aten.cosine_similarity.default,
    aten.einsum.default,
    aten.fill.Tensor,
    aten.glu.default,
    aten.linalg_matrix_norm.str_ord,
    aten.linalg_norm.default,
    aten.masked_fill.Scalar,
    aten.masked_fill.Tensor,
    aten.max.other,
    aten.min.other,
    aten.repeat_interleave.self_int,
    aten.rot90.default,
    aten.std.correction,
    aten.std.default,
    aten.std.dim,
    aten.std_mean.correction,
    aten.std_mean.dim,
    aten.threshold.default,
    aten.type_as.default,
    aten.var.default,
    aten.var.dim,
    aten.var_mean.dim,
    aten.where.ScalarOther,
    aten.where.ScalarSelf,
)
_MARK = "pyxai_deviation"  # of what standard deviations are made of
_FIRST_BATCH = 101  # the least batch size that is tried where it must be a number; see _trace_numbered
_RANDOM = (
    "rand",
    "bernoulli",
    "normal",
    "multinomial",
    "dropout",
    "native_dropout",
    "exponential",
    "poisson",
)


class CaptureError(RuntimeError):
    """The model cannot be turned into a graph; the message says why."""


class _Observed(Classifier):
    """A copy of a classifier that returns the scores and the values of some layers, as they are when made."""

    def __init__(self, classifier: Classifier, layers: tuple[str, ...]):
        copied = isolated(classifier)
        super().__init__(copied.model, copied.output, copied.any_shape)
        self.layers = layers

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        seen: dict[str, Tensor] = {}
        with Watch(self.model, self.layers, lambda name, value: seen.update({name: value.clone()})):
            scores = super().forward(images)
        return scores, *(seen[name] for name in self.layers)


def export(classifier: Classifier, images: Tensor, layers: tuple[str, ...] = ()) -> fx.GraphModule:
    """Trace ``classifier`` on images of this shape with a free batch size.

    The result shares the model's weights (detached), keeps ``nn_module_stack`` in its nodes, and contains no
    in-place operations. ``meta["layers"]`` of a node has the names of the layers whose value it is.

    Args:
        layers: names of layers that the model calls.

    Raises:
        CaptureError: where ``torch.export`` cannot follow the model.
        ValueError: where the model draws random numbers in evaluation mode.
    """
    try:
        observed = _Observed(classifier, layers)
    except NotCopied as error:
        raise CaptureError(str(error)) from error
    shape = images.shape[1:]
    try:
        free, pair = {0: torch.export.Dim.DYNAMIC}, images.new_zeros(2, *shape)
        _fill_caches(classifier, pair)
        return _graph_module(_trace(observed, pair, free), observed)
    except CaptureError:  # `len(x)` and `int(x.shape[0])` turn the batch size into a constant
        return _trace_numbered(observed, images.new_empty(1, *shape))


def _fill_caches(classifier: Classifier, images: Tensor) -> None:
    """Call the model as it will be traced: what a global keeps by the size is else a tensor without data."""
    with torch.enable_grad(), suppress(Exception):  # the trace says why it cannot be called
        classifier(images.clone())


def _trace_numbered(observed: _Observed, image: Tensor) -> fx.GraphModule:
    """Trace with numbers of images until one is unusual for the model, and free that.

    A prime tells the images from everything else where it divides no number that the model has of its own. A
    trace with another batch size has all of these: what it holds of multiples of the prime is the model's.
    """
    before: set[int] | None = None
    for batch in filter(_is_prime, itertools.count(_FIRST_BATCH)):
        example = image.new_empty(batch, *image.shape[1:])
        module = _graph_module(_trace(observed, example, None), observed)
        if before is not None and not any(number % batch == 0 for number in before):
            free_batch(module, batch)
            return module
        before = _numbers(module)


def _numbers(module: fx.GraphModule) -> set[int]:
    """The whole numbers in a graph other than zero: arguments of its calls and sizes of its values."""
    found: list[Any] = []
    for node in module.graph.nodes:
        fx.node.map_aggregate((node.args, node.kwargs), found.append)
        if isinstance(node.meta.get("val"), Tensor):
            found.extend(node.meta["val"].shape)
    return {number for number in found if type(number) is int and number}


def _is_prime(number: int) -> bool:
    return all(number % factor for factor in range(2, math.isqrt(number) + 1))


def _trace(classifier: Classifier, example: Tensor, dynamic: dict | None) -> torch.export.ExportedProgram:
    try:
        with torch.enable_grad(), quiet():
            program = torch.export.export(classifier, (example,), dynamic_shapes=(dynamic,), strict=False)
            remove_idle(program)
            if not make_functional(program.graph):
                program = program.run_decompositions(_decompositions())
            return program
    except Exception as error:  # torch.export raises many types, also its own internal ones
        raise CaptureError(f"torch.export: {brief(error)}") from error
    finally:
        _let_callers_go()


@cache
def _let_callers_go() -> None:
    """The first trace imports parts of torch, one of which keeps the frames of all callers in a circle."""
    gc.collect()


@cache
def _decompositions() -> dict[torch._ops.OpOverload, Callable]:
    table = torch.export.default_decompositions()
    ours = {
        aten.addmm.default: _addmm,
        aten.copy.default: _copy,
        aten.var.correction: _variance,
        aten.var_mean.correction: _variance_and_mean,
    }
    deviations = {
        target: annotate_fn({_MARK: True})(table[target])
        for target in _COMPOSED
        if target.name().startswith("aten::std")
    }
    return {target: table[target] for target in _COMPOSED} | deviations | ours


def _addmm(bias: Tensor, first: Tensor, second: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    return beta * bias + alpha * (first @ second)


def _copy(target: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    return source.to(target.dtype).expand_as(target).clone()


def _variance(
    values: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> Tensor:
    return _variance_and_mean(values, dim, correction=correction, keepdim=keepdim)[0]


def _variance_and_mean(
    values: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    dims = dim or list(range(values.ndim))
    mean = values.mean(dims, keepdim=True)
    count = math.prod(values.shape[axis] for axis in dims) - (1 if correction is None else correction)
    variance = (values - mean).square().sum(dims, keepdim=keepdim) / count
    return variance, mean if keepdim else mean.squeeze(dims)


def _graph_module(program: torch.export.ExportedProgram, observed: _Observed) -> fx.GraphModule:
    signature = program.graph_signature
    written = [spec.target for spec in signature.output_specs if spec.kind is not OutputKind.USER_OUTPUT]
    if written:
        raise CaptureError(f"the model writes to {written[0]} when it is called")
    values = {**program.state_dict, **program.constants}
    inputs = {spec.arg.name: spec for spec in signature.input_specs}
    root, graph, copies = nn.Module(), fx.Graph(), {}
    for node in program.graph.nodes:
        if node.op == "placeholder":
            spec = inputs[node.name]
            if spec.kind is InputKind.USER_INPUT:
                copies[node] = graph.placeholder("images")
            elif not isinstance(values[spec.target], Tensor):
                kind = type(values[spec.target]).__name__
                raise CaptureError(f"the model holds a {kind} that is no tensor")
            else:
                root.register_buffer(node.name, values[spec.target].detach())
                copies[node] = graph.get_attr(node.name)
        elif node.op == "output":
            result, *copied = node.args[0]
            graph.output(copies[result])
            for name, value in zip(observed.layers, copied, strict=True):
                copies[value.args[0]].meta["layers"].append(name)
            continue
        elif node.target in _ASSERTIONS:
            continue
        else:
            _refuse(node, observed.model)
            copies[node] = graph.node_copy(node, copies.__getitem__)
            if node.target is aten.sqrt.default and _MARK in node.meta.get("custom", ()):
                copies[node].target = deviation
        copies[node].meta = {key: node.meta[key] for key in ("val", "nn_module_stack") if key in node.meta}
        copies[node].meta["layers"] = []
    return fx.GraphModule(root, graph, "CapturedClassifier")


def free_batch(module: fx.GraphModule, batch: int) -> None:
    """Make a graph traced with the constant batch size ``batch`` take any.

    ``batch`` is a prime that divides no number of the model's own, so whatever number of the graph it divides
    came from the batch size.
    """
    graph = module.graph
    images = next(node for node in graph.nodes if node.op == "placeholder")
    with graph.inserting_after(images):
        size = graph.call_function(aten.sym_size.int, (images, 0))

    for node in list(graph.nodes):
        if node.op != "call_function" or node is size:
            continue

        def freed(value, node=node):
            if type(value) is not int or value == 0 or value % batch:
                return value
            with graph.inserting_before(node):
                return size if value == batch else graph.call_function(operator.mul, (size, value // batch))

        node.args = fx.node.map_aggregate(node.args, freed)
        node.kwargs = fx.node.map_aggregate(node.kwargs, freed)
    module.recompile()


def _refuse(node: fx.Node, model: nn.Module) -> None:
    if node.op != "call_function":
        raise CaptureError(f"the graph holds a {node.op} node, {node.name}")
    if isinstance(node.target, torch._ops.HigherOrderOperator):
        raise CaptureError(f"the model holds a control-flow region, {node.target.name()}")
    if not isinstance(node.target, torch._ops.OpOverload):
        return
    name = node.target.name().removeprefix("aten::")
    if name.startswith("rrelu_with_noise"):
        random = any(node.args[4:5])  # in evaluation mode its slope is a number
    else:
        random = name.startswith(_RANDOM)
    if random:
        drawn = f"{module_path(node) or 'it'} draws random numbers ({name})"
        raise must(model, "be deterministic", drawn)


def module_path(node: fx.Node) -> str:
    """Dotted name of the innermost module call that made ``node``; "" for the model itself.

    The second call of a module is ``name#2``.
    """
    calls = module_calls(node)
    return calls[-1] if calls else ""


def operation(node: fx.Node) -> str:
    """Name of the operation of a call: that of the aten packet, or of the function."""
    if node.target is operator.getitem:
        node = node.args[0]
    packet = getattr(node.target, "overloadpacket", node.target)
    return getattr(packet, "__name__", str(packet))


def module_calls(node: fx.Node) -> list[str]:
    """Module calls, outermost first, that ``node`` was made in; see :func:`module_path`."""
    names = []
    for key, (path, _) in node.meta.get("nn_module_stack", {}).items():
        path = path.removeprefix("model").removeprefix(".")
        if path and not path.startswith("_empty_nn_module_stack"):  # torch's mark for nodes without a module
            call = key.rpartition("@")[2] if "@" in key else "0"
            names.append(path if call == "0" else f"{path}#{int(call) + 1}")
    return names


class _WithoutThisThread:
    """A stream without what the thread that made this writes to it."""

    def __init__(self, stream: TextIO):
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet():
    """Keep what torch logs, warns and prints of a graph to itself: a failure is said once, by the caller."""
    loggers = [
        logging.getLogger(name) for name in ("torch.fx", "torch._export", "torch.export", "torch._dynamo")
    ]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stderr(_WithoutThisThread(sys.stderr)):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
