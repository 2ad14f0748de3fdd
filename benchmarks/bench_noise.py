"""SmoothGrad, 25 samples of one image: floor, Captum's NoiseTunnel and pyxai."""

from __future__ import annotations

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim
from pyxai.bench import ROWS, captum_call, fastest_rows, floor, interleave
from tests import zoo


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("noise", options)
    samples, size = (4, 64) if options.quick else (25, 224)
    model = zoo.build("resnet18").to(options.device)
    images = zoo.photographs(1, size, seed=1).to(options.device)
    target = model(images).argmax(1).detach()
    copies, classes = images.repeat(samples, 1, 1, 1), target.repeat(samples)
    sizes = [rows for rows in ROWS if rows <= samples]
    floor_rows = fastest_rows(lambda rows: floor(model, copies, classes, rows), sizes)
    fp32 = pyxai.Explainer(model, "smoothgrad", samples=samples)
    bf16 = pyxai.Explainer(model, "smoothgrad", samples=samples, precision="bf16")
    peer = captum_call(model, fp32.method, images, target)
    best = fastest_rows(peer, sizes)
    peer_best = f"Captum, nt_samples_batch_size={best}"
    functions = {
        "floor": lambda: floor(model, copies, classes, floor_rows),
        "Captum, default": lambda: peer(None),
        peer_best: lambda: peer(best),
        "pyxai": lambda: fp32(images, target),
        "pyxai, bf16": lambda: bf16(images, target),
    }
    results.add(
        f"SmoothGrad, {samples} samples, ResNet-18, one {size}² image",
        interleave(functions, options.rounds, at_least=options.at_least),
        Claim("pyxai", peer_best, 0.78),
    )
    harness.finish(results, options)


if __name__ == "__main__":
    main()
