"""Saliency on batches of eight: ResNet-18, MobileNetV3-small and ViT-B/16 against Captum."""

from __future__ import annotations

import statistics

import torch
import torch.nn.functional as F

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from pyxai.bench import captum_call, floor, interleave, paired_ratio
from tests import zoo

CLAIMS = {"resnet18": 0.80, "mobilenet_v3_small": 0.55, "vit_b16": 0.70}
FASTER = 0.8  # oneDNN must need at most this much of MKL's time for the claim on the ViT to be made
TITLES = {"resnet18": "ResNet-18", "mobilenet_v3_small": "MobileNetV3-small", "vit_b16": "ViT-B/16"}


def onednn_over_mkl(rounds: int) -> float:
    """Time of a ViT's widest linear layer as a oneDNN convolution, by that of `F.linear`, which is MKL's."""
    tokens, weight, bias = torch.randn(8 * 197, 768), torch.randn(3072, 768), torch.randn(3072)
    columns, kernel = tokens.t().reshape(1, 768, -1, 1), weight.reshape(3072, 768, 1, 1)
    columns = columns.contiguous(memory_format=torch.channels_last)
    seconds = interleave(
        {"mkl": lambda: F.linear(tokens, weight, bias), "onednn": lambda: F.conv2d(columns, kernel, bias)},
        rounds,
    )
    return paired_ratio(seconds, "onednn", "mkl").median


def compare(results: Results, options: Options, name: str, claimed: bool) -> None:
    batch = 2 if options.quick else 8
    model = zoo.build(name, small=options.quick).to(options.device)
    images = zoo.photographs(batch, 64 if options.quick else 224).to(options.device)
    with torch.no_grad():
        target = model(images).argmax(1)
    explainer = pyxai.Explainer(model, "saliency")
    peer = captum_call(model, explainer.method, images, target)
    functions = {
        "floor": lambda: floor(model, images, target),
        "Captum": lambda: peer(None),
        "pyxai": lambda: explainer(images, target),
    }
    claims = [Claim("pyxai", "Captum", CLAIMS[name])] if claimed else []
    what = f"Saliency, {TITLES[name]}, {batch} images of {images.shape[-1]}²"
    results.add(what, interleave(functions, options.rounds, at_least=options.at_least), *claims)


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("gradients", options)
    ratio = statistics.median(onednn_over_mkl(options.rounds) for _ in range(3))
    results.state("Time of a ViT's linear layer, oneDNN by MKL", ratio)
    for name in CLAIMS:
        compare(results, options, name, claimed=name != "vit_b16" or ratio < FASTER)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
