"""Methods that put an inner layer between image and score, against Captum's classes and a floor.

The floor is the bare model: as many passes forward and back, to the layer or from it, as evaluations.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial

import torch
from captum import attr
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.bench_deeplift import separate_relus
from benchmarks.bench_feature_map import photographs
from benchmarks.harness import Claim, Options, Results
from benchmarks.passes import from_scores, from_units
from pyxai.bench import interleave, paired_ratio
from tests import zoo

LAYER, UNIT = "layer3", (3, 2, 2)
IN_LAYER = "layer3.1.conv2"  # for LRP: Captum has no rule for a layer that is made of others
ROWS = 16  # images of a model call, of all alike, where there are as many
FLOOR, CAPTUM = "floor", "Captum"


def times(
    one: Callable[[nn.Module, Tensor], Callable[[], Tensor]],
    model: nn.Module,
    images: Tensor,
    evaluations: int,
) -> Callable[[], None]:
    """``one``'s pass over the images, ``evaluations`` times, in calls of :data:`ROWS` images."""
    passes = [one(model, part) for part in images.repeat(evaluations, 1, 1, 1).split(ROWS)]

    def run() -> None:
        for call in passes:
            call()

    return run


def to_unit(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    return from_units(model, images, LAYER, UNIT)


def by_layer(model: nn.Module, images: Tensor) -> Callable[[], Tensor]:
    return from_scores(model, images, LAYER)


def ours(
    name: str, images: Tensor, target: Tensor | None, steps: int | None = None, **options: object
) -> Callable[[], Tensor]:
    """A method of ours, captured and ready to be called."""
    model = zoo.build("resnet18").to(images.device)
    rows = min(ROWS, len(images) * (steps or 1))  # a call of fewer is filled up, which is no part of a method
    along = {"steps": steps} if steps else {}
    explainer = pyxai.Explainer(model, name, rows=rows, **along, **options)
    explainer(images, target)
    return lambda: explainer(images, target).attribution


def lines(name: str, images: Tensor, target: Tensor, steps: int) -> dict[str, Callable[[], object]]:
    """A method that goes along a line in ``steps`` points, by the same rule for both."""
    model = zoo.build("resnet18").to(images.device)
    layer, zeros = model.get_submodule(LAYER), torch.zeros_like(images)
    given = {"n_steps": steps, "method": "riemann_middle", "internal_batch_size": ROWS}
    if name == "neuron_integrated_gradients":
        peer = attr.NeuronIntegratedGradients(model, layer)
        return {
            FLOOR: times(to_unit, zoo.build("resnet18").to(images.device), images, steps),
            CAPTUM: lambda: peer.attribute(images, UNIT, zeros, **given),
            "pyxai": ours(name, images, None, steps, layer=LAYER, unit=UNIT),
        }
    kind = {
        "layer_integrated_gradients": attr.LayerIntegratedGradients,
        "layer_conductance": attr.LayerConductance,
    }[name]
    peer = kind(model, layer)
    return {
        FLOOR: times(by_layer, zoo.build("resnet18").to(images.device), images, steps),
        CAPTUM: lambda: peer.attribute(images, zeros, target=target, **given),
        "pyxai": ours(name, images, target, steps, layer=LAYER),
    }


def walks(name: str, images: Tensor, target: Tensor) -> dict[str, Callable[[], object]]:
    """A method of one pass back. For Captum each call of a ReLU is a module of its own."""
    model = separate_relus(zoo.build("resnet18").to(images.device))
    kind = {"layer_lrp": attr.LayerLRP, "layer_deeplift": attr.LayerDeepLift}[name]
    layer = walked(name)
    peer = kind(model, model.get_submodule(layer))
    return {
        FLOOR: from_scores(zoo.build("resnet18").to(images.device), images, layer),
        CAPTUM: lambda: peer.attribute(images, target=target),
        "pyxai": ours(name, images, target, layer=layer),
    }


def walked(name: str) -> str:
    """The layer that a method of one pass back stops at."""
    return IN_LAYER if name == "layer_lrp" else LAYER


def main() -> None:
    warnings.filterwarnings("ignore", module="captum")  # it announces the hooks it sets
    along = ("layer_integrated_gradients", "layer_conductance", "neuron_integrated_gradients")
    parts = {name: partial(both_sizes, name=name, steps=16) for name in along}
    parts |= {name: partial(both_sizes, name=name, steps=0) for name in ("layer_lrp", "layer_deeplift")}
    harness.run_parts("neuron", __doc__, parts)


def both_sizes(results: Results, options: Options, name: str, steps: int) -> None:
    """Time a method on one image and on eight."""
    for count in (1, 8):
        compare(results, options, name, count, steps)


def compare(results: Results, options: Options, name: str, count: int, steps: int) -> None:
    """Time a method on ``count`` images; 0 ``steps`` for one that goes along no line."""
    images = photographs(options, count)
    target = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    steps = steps and (4 if options.quick else steps)
    functions = lines(name, images, target, steps) if steps else walks(name, images, target)
    several = "s" * (len(images) > 1)
    along = f"{steps} steps, " if steps else ""
    layer = LAYER if steps else walked(name)
    what = f"{name} at {layer}, {along}ResNet-18, {len(images)} image{several} of {images.shape[-1]}²"
    seconds = interleave(functions, options.rounds, at_least=options.at_least, settle=1)
    results.add(what, seconds, Claim("pyxai", CAPTUM, 1.0))
    results.state(f"{what}: pyxai ÷ {FLOOR}", paired_ratio(seconds, "pyxai", FLOOR).median)


if __name__ == "__main__":
    main()
