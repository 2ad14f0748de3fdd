"""Methods with a backward pass of their own, against zennit and Captum, in ratios to the floor."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness, maps
from benchmarks.harness import Claim, Options, Results
from benchmarks.layers import Passes, layers_alone
from pyxai.bench import floor, interleave, paired_ratio
from tests import torchvision_shim, zoo

torchvision_shim.install()

# network, composite: at most this ratio to the floor, and to zennit; how often its rules run a layer,
# the first one on the positive and negative halves of its inputs where the rule looks at their signs
CLAIMS = {
    ("resnet18", "epsilon"): (0.82, 0.33, Passes(first=1)),
    ("resnet18", "epsilon_plus_flat"): (0.92, 0.29, Passes(forward=2, first=1)),
    ("resnet18", "epsilon_plus"): (1.08, 0.30, Passes(forward=2, first=3)),
    ("vgg16", "epsilon_gamma_box"): (1.28, 0.21, Passes(forward=2, first=1)),
    ("vgg16", "epsilon_alpha2_beta1"): (2.1, 0.42, Passes(forward=3, backward=2, first=5)),
}
NARROW = Passes(forward=1, backward=0, narrow_forward=1, narrow_backward=1, first=1)
ALONE = "its layers alone"
BEYOND = 1.3  # of that time: pools, sums and all that reads more than once runs at the speed of memory
BATCH = {"resnet18": 8, "vgg16": 2}
TITLES = {"resnet18": "ResNet-18", "vgg16": "VGG-16"}


def zennit_call(name: str, composite: str, images: Tensor, target: Tensor) -> tuple[nn.Module, Callable]:
    """zennit's own form of a composite on a network of torchvision's, and the call."""
    import torchvision
    import zennit.composites
    import zennit.torchvision
    from zennit.attribution import Gradient
    from zennit.rules import Epsilon
    from zennit.types import Linear

    model = getattr(torchvision.models, name)(weights=None).to(images.device)
    zoo.initialise(model, 64)
    model.eval()
    canonizers = [zennit.torchvision.ResNetCanonizer()] if name.startswith("resnet") else []
    low, high = (
        torch.full_like(images[:1], images.min().item()),
        torch.full_like(images[:1], images.max().item()),
    )
    make = {
        "epsilon": lambda: zennit.composites.LayerMapComposite(
            [*zennit.composites.layer_map_base(), (Linear, Epsilon())], canonizers=canonizers
        ),
        "epsilon_plus": lambda: zennit.composites.EpsilonPlus(canonizers=canonizers),
        "epsilon_plus_flat": lambda: zennit.composites.EpsilonPlusFlat(canonizers=canonizers),
        "epsilon_gamma_box": lambda: zennit.composites.EpsilonGammaBox(low, high, canonizers=canonizers),
        "epsilon_alpha2_beta1": lambda: zennit.composites.EpsilonAlpha2Beta1(canonizers=canonizers),
    }[composite]()
    chosen = torch.nn.functional.one_hot(target, 1000).to(images)
    attributor = Gradient(model, make)

    def call() -> Tensor:
        with attributor:
            return attributor(images, lambda output: output * chosen)[1]

    return model, call


def composites(results: Results, options: Options, name: str, composite: str) -> None:
    images = zoo.photographs(1 if options.quick else BATCH[name], 64 if options.quick else 224).to(
        options.device
    )
    target = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    model, peer = zennit_call(name, composite, images, target)
    box = {"low": images.min().item(), "high": images.max().item()}
    explainer = pyxai.Explainer(model, "lrp", composite=composite, **box)
    functions = {
        "floor": lambda: floor(model, images, target),
        "zennit": peer,
        "pyxai": lambda: explainer(images, target),
    }
    to_floor, to_peer, passes = CLAIMS[name, composite]
    bounds = {"pyxai": (ALONE, passes)}
    claims = [Claim("pyxai", "floor", to_floor), Claim("pyxai", "zennit", to_peer)]
    if composite == "epsilon_plus_flat":
        narrow = pyxai.Explainer(model, "lrp", composite=composite, precision="bf16")
        functions["pyxai, bf16 z⁺"] = lambda: narrow(images, target)
        claims.append(Claim("pyxai, bf16 z⁺", "floor", 0.70))
        bounds["pyxai, bf16 z⁺"] = f"{ALONE}, z⁺ in bf16", NARROW
        exact = explainer(images, target).attribution
        least = maps.correlation(narrow(images, target).attribution, exact).min().item()
        results.state(f"Correlation of bf16 z⁺ with float32, {TITLES[name]}", least, wanted=">= 0.9999")
    shape = f"{len(images)} images of {images.shape[-1]}²"
    what = f"LRP {composite}, {TITLES[name]}, {shape}"
    measure(results, options, what, functions, claims, model, images, bounds)


def measure(
    results: Results,
    options: Options,
    what: str,
    functions: dict[str, Callable],
    claims: list[Claim],
    model: nn.Module,
    images: Tensor,
    bounds: dict[str, tuple[str, Passes]],
) -> None:
    """Time ``functions`` and, on the CPU, beside them the layers that ours cannot do without.

    Args:
        bounds: name of one of ours to the name of its bound and the passes that one makes.
    """
    if options.device == "cpu":
        for bound, passes in bounds.values():
            functions[bound] = layers_alone(model, images[:1], len(images), passes=passes)
    seconds = interleave(functions, options.rounds, at_least=options.at_least, settle=1)
    results.add(what, seconds, *claims)
    for ours, (bound, _) in bounds.items() if options.device == "cpu" else ():
        least = paired_ratio(seconds, bound, "floor").median
        results.state(f"{what}: {bound} ÷ floor", least)
        results.state(
            f"{what}: {ours} ÷ {bound}", paired_ratio(seconds, ours, bound).median, wanted=f"<= {BEYOND}"
        )


def guided(results: Results, options: Options) -> None:
    from captum.attr import GuidedBackprop

    images = zoo.photographs(1 if options.quick else 8, 64 if options.quick else 224).to(options.device)
    target = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    model = zoo.build("resnet18").to(options.device)
    peer, explainer = GuidedBackprop(model), pyxai.Explainer(model, "guided_backprop")
    leaf = images.clone().requires_grad_()
    functions = {
        "floor": lambda: floor(model, images, target),
        "Captum": lambda: peer.attribute(leaf, target),
        "pyxai": lambda: explainer(images, target),
    }
    what = f"Guided backpropagation, ResNet-18, {len(images)} images of {images.shape[-1]}²"
    claims = [Claim("pyxai", "floor", 0.80), Claim("pyxai", "Captum", 0.80)]
    measure(results, options, what, functions, claims, model, images, {"pyxai": (ALONE, Passes(first=1))})


def compiled(results: Results, options: Options) -> None:
    """The whole explanation under ``torch.compile``, whose graphs end wherever a rule looks at data."""
    images = zoo.photographs(1 if options.quick else 8, 64 if options.quick else 224).to(options.device)
    explainer = pyxai.Explainer(zoo.build("resnet18").to(options.device), "lrp")

    def explain() -> Tensor:
        return explainer(images, 0).attribution

    exact, compiled_explain = explain(), torch.compile(explain)
    start = time.perf_counter()
    found = compiled_explain()
    what = f"LRP epsilon_plus_flat, ResNet-18, {len(images)} images of {images.shape[-1]}², torch.compile"
    results.state(f"{what}: first call", time.perf_counter() - start, "s")
    results.state(f"{what}: graphs", torch._dynamo.utils.counters["stats"]["unique_graphs"])
    results.state(f"{what}: relative L1 distance", maps.relative_l1(found, exact).max(), wanted="<= 1e-5")
    seconds = interleave({"eager": explain, "compiled": compiled_explain}, options.rounds)
    results.state(f"{what}: compiled ÷ eager", paired_ratio(seconds, "compiled", "eager").median)


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("lrp", options)
    for name, composite in CLAIMS:
        composites(results, options, name, composite)
    guided(results, options)
    if options.device == "cpu":
        compiled(results, options)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
