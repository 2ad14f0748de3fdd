"""Integrated Gradients: floor, Captum and pyxai; bfloat16 and how far its maps are; peak memory."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.layers import layers_alone
from benchmarks.maps import correlation, relative_l1
from pyxai.bench import ROWS, captum_call, fastest_rows, floor, interleave, paired_ratio
from tests import zoo


def speed(results: Results, options: Options) -> None:
    """50 midpoint steps on one image, the same rule for all."""
    steps, size = (8, 64) if options.quick else (50, 224)
    model = zoo.build("resnet18").to(options.device)
    images = zoo.photographs(1, size, seed=1).to(options.device)
    target = model(images).argmax(1).detach()
    points, classes = images.repeat(steps, 1, 1, 1), target.repeat(steps)
    sizes = [rows for rows in ROWS if rows <= steps]
    floor_rows = fastest_rows(lambda rows: floor(model, points, classes, rows), sizes)
    fp32 = pyxai.Explainer(model, "integrated_gradients", steps=steps)
    bf16 = pyxai.Explainer(model, "integrated_gradients", steps=steps, precision="bf16")
    start = time.perf_counter()
    fp32.prepare(images)
    results.state("IG, ResNet-18: capture of the model, once", time.perf_counter() - start, "s")
    peer = captum_call(model, fp32.method, images, target)
    best = fastest_rows(peer, sizes)
    peer_best = f"Captum, internal_batch_size={best}"
    functions = {
        "floor": lambda: floor(model, points, classes, floor_rows),
        "Captum, default": lambda: peer(None),
        peer_best: lambda: peer(best),
        "pyxai": lambda: fp32(images, target),
        "pyxai, bf16": lambda: bf16(images, target),
    }
    bound = "its layers alone"
    if options.device == "cpu":
        fp32(images, target)
        functions[bound] = layers_alone(model, images, fp32.rows, -(-steps // fp32.rows))
    what = f"IG, {steps} steps, ResNet-18, one {size}² image"
    seconds = interleave(functions, options.rounds, at_least=options.at_least)
    results.add(
        what,
        seconds,
        Claim("pyxai", peer_best, 0.65),
        Claim("pyxai", "Captum, default", 0.45),
        Claim("pyxai, bf16", peer_best, 0.48),
    )
    if bound in functions:  # what no executor of these layers can beat here
        least = paired_ratio(seconds, bound, peer_best).median
        results.state(f"{what}: the layers behind the first alone, ÷ Captum's best", least)
        ours = paired_ratio(seconds, "pyxai", bound).median
        results.state(f"{what}: pyxai ÷ those layers alone", ours, wanted="<= 1.2")


def bfloat16(results: Results, options: Options) -> None:
    """How far bf16 maps are from fp32 maps on trained networks."""
    count = 2 if options.quick else 0
    nets: list[tuple[str, torch.nn.Module, Callable[[int], tuple[Tensor, Tensor]], int]] = [
        ("ResNet-20, CIFAR-10", zoo.trained_resnet20(), zoo.cifar10_images, 100),
        ("SqueezeNet, ImageNet", zoo.trained_squeezenet(), zoo.imagenet_images, 10),
    ]
    for name, model, photographs, number in nets:
        images, _ = photographs(count or number)
        exact = pyxai.Explainer(model, "integrated_gradients", steps=50)(images)
        fast = pyxai.Explainer(model, "integrated_gradients", steps=50, precision="bf16")(
            images, exact.target
        )
        error = relative_l1(fast.attribution, exact.attribution)
        alike = correlation(fast.attribution, exact.attribution)
        what = f"IG in bf16 against fp32, {name}"
        results.state(f"{what}: median relative L1 distance", error.median())
        results.state(f"{what}: median correlation", alike.median())
        results.state(f"{what}: lowest correlation", alike.min())


def prepared(steps: int) -> Callable[[], object]:
    """A captured explainer, ready to be called: for the memory measurement."""
    torch.set_num_threads(2)
    explainer = pyxai.Explainer(zoo.build("resnet18"), "integrated_gradients", steps=steps)
    images = zoo.photographs(1, 224, seed=1)
    explainer.prepare(images)
    return lambda: explainer(images, 0)


def memory(results: Results) -> None:
    """Peak of one call on a 224² image, alone above what the process held before it, and of the whole
    process.
    """
    few, many = (harness.peak_memory("benchmarks.bench_path:prepared", steps=steps) for steps in (8, 256))
    results.state("IG, 8 steps: memory added by the call", few.added / 2**20, "MiB")
    results.state("IG, 256 steps: memory added by the call", many.added / 2**20, "MiB")
    results.state("IG, memory of 256 steps by that of 8: added", many.added / few.added, wanted="<= 1.3")
    results.state(
        "IG, memory of 256 steps by that of 8: whole process", many.peak / few.peak, wanted="<= 1.3"
    )


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("path", options)
    speed(results, options)
    if options.device == "cpu":
        memory(results)
        bfloat16(results, options)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
