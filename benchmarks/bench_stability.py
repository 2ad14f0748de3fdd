"""How far float32 and bfloat16 maps of relevance are from float64, beside zennit and Captum.

Relevance that cancels cannot be had to more digits than the network's own gradient: LRP-0 is input × gradient
on a ReLU network. So for the ε-rule the distance of float32 autograd's input × gradient from float64's is
measured in the same run, as is what a change of the last bit of the pixels does in float64: no arithmetic
in float32 can promise more. Σ|R| / |f| is the condition number of the sum Σ R = f.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness, maps
from benchmarks.harness import Options, Results
from pyxai.propagation import Composite, Epsilon, Gamma, ZPlus
from tests import torchvision_shim, zoo

torchvision_shim.install()

COMPOSITES = {
    "ε": Composite(Epsilon(), Epsilon(), affine=Epsilon()),
    "γ": Composite(Gamma(), Epsilon(), affine=Gamma()),
    "z⁺": Composite(ZPlus(), Epsilon()),
}


def ours(model: nn.Module, images: Tensor, composite: Composite, target: Tensor, precision="fp32") -> Tensor:
    explainer = pyxai.Explainer(model, "lrp", composite=composite, precision=precision)
    return explainer(images, target).attribution


def input_x_gradient(model: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    leaf = images.clone().requires_grad_()
    score = model(leaf).gather(1, target[:, None]).sum()
    return images * torch.autograd.grad(score, leaf)[0]


def zennit_relevance(model: nn.Module, images: Tensor, rule: str, target: Tensor, canonized: bool) -> Tensor:
    """zennit's, with or without the canonizer for torchvision's ResNets."""
    from zennit.attribution import Gradient
    from zennit.composites import LayerMapComposite, layer_map_base
    from zennit.rules import Epsilon, Gamma, ZPlus
    from zennit.torchvision import ResNetCanonizer
    from zennit.types import Convolution

    hook = {"ε": Epsilon, "γ": Gamma, "z⁺": ZPlus}[rule]
    rules = [*layer_map_base(), (Convolution, hook()), (nn.Linear, Epsilon())]
    composite = LayerMapComposite(rules, canonizers=[ResNetCanonizer()] if canonized else [])
    chosen = torch.nn.functional.one_hot(target, 1000).to(images)
    with Gradient(copy.deepcopy(model), composite) as attributor:
        return attributor(images.clone(), lambda output: output * chosen)[1]


def captum_relevance(model: nn.Module, images: Tensor, rule: str, target: Tensor) -> Tensor:
    """Captum's with its rule for every layer; it has no z⁺ but α1β0."""
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule, GammaRule

    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.rule = {"ε": EpsilonRule, "γ": GammaRule, "z⁺": Alpha1_Beta0_Rule}[rule]()
        elif isinstance(module, nn.Linear):
            module.rule = EpsilonRule(1e-6)
    return LRP(model).attribute(images.clone(), target).detach()


class Stability:
    """One network and photographs, and what is stated of maps on them.

    Args:
        results: where it is stated.
        title: of the network.
    """

    def __init__(self, results: Results, title: str, model: nn.Module, images: Tensor):
        self.results, self.title = results, title
        self.model, self.images = model, images
        self.double = copy.deepcopy(model).double()
        with torch.no_grad():
            self.score, self.target = self.double(images.double()).max(1)

    def state(self, rule: str, what: str, distances: Tensor, wanted: str = "") -> None:
        self.results.state(
            f"LRP-{rule}, {self.title}, {what}, relative L1", distances.median(), wanted=wanted
        )

    def measure(
        self, rule: str, name: str, call: Callable[[nn.Module, Tensor], Tensor], wanted: str = ""
    ) -> tuple[Tensor, float]:
        """State float32 against float64 and Σ|R| / |f| of ``call(model, images)``.

        Returns its maps in float64, and the median distance of float32.
        """
        exact = call(self.double, self.images.double())
        found = call(self.model, self.images)
        distances = maps.relative_l1(found, exact)
        overflown = int((~found.isfinite()).flatten(1).any(1).sum())
        if overflown:
            self.results.state(f"LRP-{rule}, {self.title}, {name}: maps that float32 cannot hold", overflown)
        else:
            self.state(rule, f"{name}, float32 against float64", distances, wanted)
        total = exact.abs().flatten(1).sum(1) / self.score.abs()
        self.results.state(f"LRP-{rule}, {self.title}, {name}, float64: Σ|R| / |f|", total.median())
        return exact, float(distances.median())


def network(results: Results, title: str, model: nn.Module, images: Tensor, peers: bool) -> None:
    stability = Stability(results, title, model, images)
    target = stability.target
    for rule, composite in COMPOSITES.items():
        relevance = partial(ours, composite=composite, target=target)
        exact, distance = stability.measure(rule, "pyxai", relevance, "<= 0.01")
        if rule == "ε":
            gradient = partial(input_x_gradient, target=target)
            _, floor = stability.measure(rule, "autograd's input × gradient", gradient)
            wanted = "<= 1.5" if distance > 0.01 else ""  # of a network whose relevance cancels
            results.state(f"LRP-ε, {title}, pyxai's distance by autograd's", distance / floor, wanted=wanted)
            nudged = torch.nextafter(images, torch.full_like(images, torch.inf)).double()
            moved = maps.relative_l1(relevance(stability.double, nudged), exact)
            stability.state(rule, "pixels one float32 rounding away, in float64", moved)
        else:
            narrow = maps.relative_l1(relevance(model, images, precision="bf16"), exact)
            stability.state(rule, "pyxai, sums in bf16 against float64", narrow)
        if peers:
            options = {"rule": rule, "target": target}
            stability.measure(
                rule, "zennit with canonizer", partial(zennit_relevance, canonized=True, **options)
            )
            stability.measure(rule, "zennit without", partial(zennit_relevance, canonized=False, **options))
            stability.measure(rule, "Captum", partial(captum_relevance, **options))


def main() -> None:
    options: Options = harness.options(__doc__)
    results = harness.begin("stability", options)
    size, count = (64, 1) if options.quick else (224, 4)
    network(results, "random ResNet-50", zoo.build("resnet50"), zoo.photographs(count, size, seed=1), True)
    if not zoo.missing_data():
        network(
            results, "trained ResNet-20", zoo.trained_resnet20(), zoo.cifar10_images(25 * count)[0], False
        )
        network(results, "trained SqueezeNet", zoo.trained_squeezenet(), zoo.imagenet_images(count)[0], False)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
