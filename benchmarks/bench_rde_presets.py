"""What steps, draws and learning rate buy on photographs: the choice of the `fast` preset.

The objective, distortion + λk · kept, of the final masks over draws that no step has seen, as means over the
photographs. Candidates spend 400 evaluations an image, as the preset does, half as many, and twice as many. A
mask that gives the class up may have the lowest objective of all, so the share that keeps it stands beside.
"""

from __future__ import annotations

import time

import pyxai
from benchmarks import harness
from benchmarks.harness import Options, Results
from examples.rde.polar import Still
from pyxai.rde import Pixels, Wavelets
from tests import zoo

PHOTOGRAPHS = 2
JUDGES = 48  # fresh draws every mask is judged by

# Method and λk to the representation and to (steps, draws a step, learning rate).
CANDIDATES = {
    ("cartoonx", 20.0): (
        Wavelets(),
        (
            (50, 8, 0.1),
            (50, 8, 0.05),
            (50, 8, 0.2),
            (25, 16, 0.2),
            (25, 8, 0.2),
            (100, 8, 0.1),
        ),
    ),
    ("pixel_rde", 10.0): (
        Pixels(),
        ((50, 8, 0.1), (50, 8, 0.2), (25, 8, 0.2), (100, 8, 0.1)),
    ),
}


def presets(results: Results, options: Options) -> None:
    model, preprocess = zoo.squeezenet_imagenet()
    images, _ = zoo.imagenet_images(1 if options.quick else PHOTOGRAPHS)
    ends = {"low": preprocess.black, "high": preprocess.white}
    for (method, sparsity), (representation, candidates) in CANDIDATES.items():
        for steps, samples, rate in candidates[:1] if options.quick else candidates:
            settings = {"steps": steps, "samples": samples, "learning_rate": rate, "sparsity": sparsity}
            explainer = pyxai.Explainer(model, method, **settings, **ends)
            explainer.prepare(images)
            start = time.perf_counter()
            found = explainer(images).extras
            seconds = (time.perf_counter() - start) / len(images)
            judged = pyxai.explain(
                model,
                images,
                method="rate_distortion",
                representation=representation,
                optimiser=Still(),
                start=found["mask"],
                steps=1,
                samples=JUDGES,
                seed=1,
                **ends,
            )
            distortion, kept = judged.extras["distortion"].mean(), found["kept"].mean()
            same = (judged.extras["predicted"] == judged.target).double().mean()
            what = f"{method}, λk = {sparsity:g}, {steps} steps of {samples} draws, rate {rate}"
            results.state(f"{what}: distortion + λk · kept", distortion + sparsity * kept)
            results.state(f"{what}: distortion", distortion)
            results.state(f"{what}: kept", kept)
            results.state(f"{what}: photographs whose class the mask keeps", same)
            results.state(f"{what}: an image", seconds, "s")


def main() -> None:
    options = harness.options(__doc__)
    if zoo.missing_data():
        print(f"skipped: {zoo.missing_data()}")
        return
    results = harness.begin("rde_presets", options)
    presets(results, options)
    harness.finish(results, options)


if __name__ == "__main__":
    main()
