"""Methods on the pretended GPU: with each word of their options, and with networks of all sorts."""

from __future__ import annotations

import copy
import dataclasses
import io
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import pyxai
from pyxai.capture import export
from pyxai.cli.dxai_train import train
from pyxai.engine.models.load import load_model
from pyxai.methods import Explanation, Method, Needs, build, get_method
from pyxai.methods.attention.by_attention import ByAttention
from pyxai.methods.path.along_path import AlongPath
from pyxai.rde import Fourier
from tests import unfriendly
from tests.conftest import shared_trace
from tests.devices.device import Log, pretended
from tests.devices.rows import Counts, Row, most
from tests.dxai.conftest import SMALL, folder

export._trace = shared_trace  # methods share the trace of a network

Options = dict[str, Any]
Made = Callable[[Options], pyxai.Explainer]

NETWORK = "OddConvolutions"  # begins with affine layers that run apart
AS_IT_IS = "DataDependent"  # cannot be captured
LAYERS = ("Gate", "OtherNorms", "OverlappingPools", "SoftmaxAttention", "LeakyActivations", "Smooth")
FEW, MANY = {"steps": 2, "samples": 2}, {"steps": 3, "samples": 3}
PATHS = [name for name in pyxai.list_methods() if issubclass(get_method(name), AlongPath)]
ALWAYS: dict[str, Options] = {
    **{name: {"samples": 1} for name in PATHS},
    "cartoonx": {"levels": 1},
    "neuron_deeplift": {"unit": "0,0"},  # the sum of a whole norm is constant: all of a map is rounding
    "aumann_shapley": {"effort": 0.0005},
    "attribution_visualization": {"attribution_options": {"steps": 2, "effort": 0.0005}},
    "factorized_visualization": {"groups": 2},
}
# Options that are no word of a few, and make a method go another way.
MORE: dict[str, list[Options]] = {
    **{name: [{"samples": 2, "noise_scale": 0.1}, {"steps": None}] for name in PATHS},
    "expected_gradients": [{"noise_scale": 0.1}],
    "smoothgrad": [{"of": "integrated_gradients", "of_options": {"steps": 2}}, {"of": "lrp"}],
    "deeplift": [{"cache_bytes": 0}],
    "deconvnet": [{"layer": "strided", "unit": (1,), "start": "activation"}],
    "guided_backprop": [{"layer": "strided", "unit": (1, 0, 0), "start": "activation"}],
    "neuron_guided_backprop": [{"layer": "strided", "unit": (1, 0, 0)}],
    **{name: [{"unit": "0:2,1"}] for name in ("neuron_gradient", "neuron_deeplift", "neuron_conductance")},
    "layer_deeplift": [{"layer": "strided", "cache_bytes": 0}],
    "attribution_visualization": [
        {"strongest": 2, "channels": (0, 2)},
        {"attribution": "grad_cam", "attribution_options": {}},
    ],
    "activation_maximization": [{"layer": "auto", "unit": (1,)}],
    "cartoonx": [{"spatial": 1.0}, {"spatial": 1.0, "obfuscation": "blur"}],
    "rate_distortion": [
        {"representation": Fourier()},
        {"representation": Fourier(), "obfuscation": "uniform"},
    ],
}


class Explainers:
    """Explainers of a model, as many as are needed to capture it once for all that methods ask of it.

    Args:
        model: None for methods that need none.
    """

    def __init__(self, model: nn.Module | None):
        self._model = model
        self._made: dict[Any, pyxai.Explainer] = {}

    def get(self, method: type[Method], options: Options) -> pyxai.Explainer:
        """One with this method and these options, and no other."""
        wanted = build(method.name, options)
        key = wanted.needs, wanted.layers, wanted.single_output
        if key not in self._made:
            self._made[key] = pyxai.Explainer(self._model, method.name, rows=4, **options)
        self._made[key].method = wanted
        return self._made[key]


@cache
def _of_network(name: str, device: str) -> Explainers:
    """Those of a network of `tests/unfriendly.py`, for all methods: its captures take most of the time."""
    return Explainers(unfriendly.build(name).to(device))


def method_row(name: str, kernels: bool = False) -> Row:
    """Run a method, which is found by its name; ``kernels`` as for :func:`pretended`."""
    method = get_method(name)
    row, largest = Row(host=method.host), 0
    with tempfile.TemporaryDirectory() as run, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for explainers, images, options in _given(method, Path(run)):
            with pretended(kernels) as log:
                on_device = partial(explainers("cuda").get, method)
                found = [_explained(row, log, method, on_device, images.to("cuda"), own) for own in options]
            largest = max(largest, log.largest)
            row.add(*log.faults)
            on_host = partial(explainers("cpu").get, method)  # later: what is kept must serve it too
            for own, explanation in zip(options, found, strict=True):
                if isinstance(explanation, ValueError):
                    _compare_refusal(row, explanation, on_host, images, _some(method, FEW) | own)
                elif explanation is not None:
                    expected = dict(_tensors(on_host(_some(method, FEW) | own)(images)))
                    for part, tensor in _tensors(explanation):
                        row.compare(part, tensor, expected[part])
    if bool(row.host) != (largest >= images[0, 0].numel()):
        row.add(f"takes up to {largest} values at once to the host, where `host` is {row.host!r}")
    return row


def _compare_refusal(row: Row, refusal: ValueError, on_host: Made, images: Tensor, options: Options) -> None:
    """A network that the method refuses must be refused on the host, too, and by the same words."""
    row.runs -= 1
    try:
        on_host(options)(images)
    except ValueError as error:
        if str(error) == str(refusal):
            return
    row.add(f"ValueError: {refusal}")


def _explained(
    row: Row, log: Log, method: type[Method], on_device: Made, images: Tensor, options: Options
) -> Explanation | ValueError | None:
    """Explain with few steps, and see that the host waits no more often with many."""
    row.runs += 1
    few, many = (_some(method, steps) | options for steps in (FEW, MANY))
    try:
        explanation, waits = _watched(row, log, on_device(few), images)
        row.running = most(row.running, waits)
        more = waits if few == many else _watched(row, log, on_device(many), images)[1]
    except ValueError as error:
        return error
    except Exception as error:
        row.add(f"{type(error).__name__}: {error}")
        return None
    for place, times in more.items():
        if times > waits.get(place, 0):
            row.add(f"waits at {place} {waits.get(place, 0)} times in few steps and {times} times in many")
    return explanation


def _watched(row: Row, log: Log, explainer: pyxai.Explainer, images: Tensor) -> tuple[Explanation, Counts]:
    """Explain, and count how often the host waits when the model is captured and all is prepared."""
    log.take()
    explainer(images[:1])
    row.capturing = most(row.capturing, log.take())
    return explainer(images), log.take()


def _given(
    method: type[Method], run: Path
) -> Iterator[tuple[Callable[[str], Explainers], Tensor, list[Options]]]:
    """Explainers of a network by the device, images, and the options that a method is run with."""
    if method.name == "dxai":
        with redirect_stdout(io.StringIO()):
            train(folder(run / "data"), run / "training", **SMALL)
        images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
        model = load_model(f"dxai:{run / 'training'}").model
        given = {"run": str(run / "training")}
        yield lambda device: Explainers(copy.deepcopy(model).to(device)), images, [given]
        return
    always = ALWAYS.get(method.name, {})
    options = [always | words for words in _words(method)]
    images = unfriendly.images(2).sigmoid()  # in float64, for which the CPU has no ways of its own
    if method.needs is Needs.NOTHING:
        yield lambda device: Explainers(None), images[:1], options
        return
    of_attention = issubclass(method, ByAttention)
    yield partial(_of_network, "SoftmaxAttention" if of_attention else NETWORK), images, options
    for other in LAYERS if method.needs is Needs.GRAPH else (AS_IT_IS,):
        yield partial(_of_network, other), images, [always]


def _words(method: type[Method]) -> Iterator[Options]:
    """No options, each word that can be given without another option, and more."""
    yield {}
    for option in method.options().values():
        for word in (True, False) if option.annotation is bool else option.choices:
            try:
                build(method.name, _some(method, FEW) | ALWAYS.get(method.name, {}) | {option.name: word})
            except ValueError:
                continue
            if word != option.default:
                yield {option.name: word}
    yield from MORE.get(method.name, [])


def _some(method: type[Method], options: Options) -> Options:
    """Those of the options that a method has."""
    return {name: value for name, value in options.items() if name in method.options()}


def _tensors(explanation: Explanation) -> Iterator[tuple[str, Tensor]]:
    """Each tensor of an explanation by its name."""
    fields = {entry.name: getattr(explanation, entry.name) for entry in dataclasses.fields(explanation)}
    for name, value in {**fields, **explanation.extras}.items():
        if isinstance(value, Tensor):
            yield name, value
