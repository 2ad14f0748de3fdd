"""How exact the maps are, on real photographs and trained networks.

Integrated Gradients with a tolerance against 1024 midpoint steps of the bare model, beside 50 fixed steps;
and the distance of float32 maps from float64 maps, beside Captum's own.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Options, Results
from benchmarks.maps import relative_l1
from pyxai.bench import captum_call, floor
from tests import zoo

TOLERANCE = 0.05


@dataclass(frozen=True)
class Case:
    """A trained network and photographs for it; `few` of them for the comparison of precisions."""

    name: str
    model: nn.Module
    images: Tensor
    few: int
    rows: int


def cases(quick: bool) -> list[Case]:
    cifar, _ = zoo.cifar10_images(10 if quick else 100)
    imagenet, _ = zoo.imagenet_images(2 if quick else 10)
    return [
        Case("ResNet-20, CIFAR-10", zoo.trained_resnet20(), cifar, 2 if quick else 50, 128),
        Case("SqueezeNet, ImageNet", zoo.trained_squeezenet(), imagenet, 2 if quick else 10, 8),
    ]


def many_steps(model: nn.Module, images: Tensor, target: Tensor, steps: int, rows: int) -> Tensor:
    """Midpoint rule from a zero baseline with the bare model, summed in float64: (N, C, H, W)."""
    maps = []
    alpha = (torch.arange(steps, dtype=torch.float64) + 0.5) / steps
    for image, label in zip(images, target, strict=True):
        total = torch.zeros_like(image, dtype=torch.float64)
        for part in alpha.split(rows):
            points = part.to(image.dtype).view(-1, 1, 1, 1) * image
            total += floor(model, points, label.expand(len(part))).double().sum(0)
        maps.append(image.double() * total / steps)
    return torch.stack(maps)


def tolerance(results: Results, case: Case, steps: int) -> None:
    adaptive = pyxai.Explainer(case.model, "integrated_gradients", tolerance=TOLERANCE)(case.images)
    fixed = pyxai.Explainer(case.model, "integrated_gradients", steps=50)(case.images, adaptive.target)
    reference = many_steps(case.model, case.images, adaptive.target, steps, case.rows)
    what = f"IG, {case.name}, {len(case.images)} photographs"
    error = relative_l1(adaptive.attribution, reference)
    within = (error <= TOLERANCE).double().mean()
    results.state(f"{what}, tolerance {TOLERANCE}: share of maps within it", within, wanted=">= 0.95")
    results.state(f"{what}, tolerance {TOLERANCE}: median error", error.median())
    results.state(f"{what}, tolerance {TOLERANCE}: mean evaluations", adaptive.evaluations.double().mean())
    error = relative_l1(fixed.attribution, reference)
    results.state(f"{what}, 50 steps: share of maps within {TOLERANCE}", (error <= TOLERANCE).double().mean())
    results.state(f"{what}, 50 steps: median error", error.median())


def precision(results: Results, case: Case) -> None:
    """Median distance of float32 maps from Captum's float64 maps: ours by Captum's own."""
    images = case.images[: case.few]
    model64 = copy.deepcopy(case.model).double()
    with torch.no_grad():
        target = model64(images.double()).argmax(1)
    for method, options in (
        ("saliency", {"reduce": "max"}),
        ("input_x_gradient", {}),
        ("integrated_gradients", {"steps": 32}),
    ):
        explainer = pyxai.Explainer(case.model, method, **options)
        ours = explainer(images, target).attribution
        peers = [
            captum_call(model, explainer.method, images.to(dtype), target)(None)
            for model, dtype in ((case.model, torch.float32), (model64, torch.float64))
        ]
        theirs, exact = (peer.amax(1, keepdim=True) if method == "saliency" else peer for peer in peers)
        distance, own = (relative_l1(maps, exact).median() for maps in (ours, theirs))
        what = f"{method}, {case.name}: float32 from float64"
        results.state(f"{what}, pyxai", distance)
        results.state(f"{what}, Captum", own)
        results.state(f"{what}, pyxai by Captum", distance / own, wanted="<= 2")


def main() -> None:
    options: Options = harness.options(__doc__)
    results = harness.begin("accuracy", options)
    for case in cases(options.quick):
        tolerance(results, case, 128 if options.quick else 1024)
        precision(results, case)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
