"""FEM beside maps that take gradients, as the survey compares them (§7): agreement and time for a photograph.

On the trained SqueezeNet and ImageNet photographs. Maps are compared without signs: magnitudes, of the colour
that has the greatest. FEM and Grad-CAM are read at the last layer of features, since the last map of this
network has a channel for each class.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

import pyxai
from benchmarks import harness
from pyxai.bench import interleave
from pyxai.metrics import pearson, similarity
from tests import zoo

FEATURES = "fire9"
MAPS = {
    "fem": {"layer": FEATURES},
    "grad_cam": {"layer": FEATURES},
    "guided_grad_cam": {"layer": FEATURES},
    "saliency": {},
    "guided_backprop": {},
    "integrated_gradients": {"steps": 16},
}


def main() -> None:
    options = harness.options(__doc__)
    results = harness.begin("fem", options)
    count = 2 if options.quick else 50
    model = zoo.trained_squeezenet().to(options.device)
    images = zoo.imagenet_images(count)[0].to(options.device)
    with torch.no_grad():
        target = model(images).argmax(1)
    explainers = {name: pyxai.Explainer(model, name, rows=1, **given) for name, given in MAPS.items()}
    calls = {name: partial(explainer, images[:1], target[:1]) for name, explainer in explainers.items()}
    results.add(
        "FEM and maps that take gradients, SqueezeNet, one photograph of 227²",
        interleave(calls, options.rounds, at_least=options.at_least),
    )
    maps: dict[str, Tensor] = {
        name: explainer(images, target).heatmap("abs_max") for name, explainer in explainers.items()
    }
    for name in list(maps)[1:]:
        for short, measure in (("PCC", pearson), ("SIM", similarity)):
            agreement = measure(maps["fem"], maps[name])
            what = f"FEM and {name}, SqueezeNet, {count} photographs: {short}, median"
            results.state(what, agreement.median())
    harness.finish(results, options)


if __name__ == "__main__":
    main()
