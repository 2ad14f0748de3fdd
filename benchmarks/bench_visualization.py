"""Attribution visualization: its steps beside the model's passes, and many images beside one at a time."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.passes import from_units
from pyxai.bench import interleave
from tests import zoo

METHOD = "attribution_visualization"
STEPS = 8  # of a timed run; one forward pass more is that of the attribution


def visualized(model: nn.Module, images: Tensor, layer: str, **options: object) -> Callable[[], Tensor]:
    """A few steps of the method, ready to be made, of attributions that cost one forward pass."""
    run = pyxai.Explainer(model, METHOD, layer=layer, attribution="layer_activation", steps=STEPS, **options)
    return lambda: run(images, 0).attribution


def passes(model: nn.Module, images: Tensor, layer: str) -> Callable[[], None]:
    """As many gradients of the layer by the images, of the bare model, which ends at the layer."""
    one = from_units(model, images, layer)

    def call() -> None:
        for _ in range(STEPS):
            one()

    return call


def steps(results: Results, options: Options) -> None:
    """What a step costs beyond the model."""
    images = photographs(options, 16)
    model, layer = squeezenet(options), "fire8"
    functions = {"floor": passes(model, images, layer), "pyxai": visualized(model, images, layer)}
    functions["pyxai, one spectrum"] = visualized(model, images, layer, shared_spectrum=True)
    what = f"SqueezeNet, {layer}, {len(images)} images of {images.shape[-1]}²"
    results.add(
        f"A step of attribution visualization, {what}",
        measured(functions, options),
        Claim("pyxai", "floor", 1.25),
    )


def together(results: Results, options: Options) -> None:
    """All images at once beside one after the other."""
    images = photographs(options, 16)
    for title, model, layer, at_most in (
        ("SqueezeNet", squeezenet(options), "fire8", 0.95),
        ("ResNet-18", zoo.build("resnet18").to(options.device), "layer3", 0.80),
    ):
        singles = [visualized(model, image[None], layer) for image in images]
        functions = {
            "one at a time": lambda calls=singles: [call() for call in calls],
            "pyxai": visualized(model, images, layer),
        }
        what = f"Attribution visualization, {title}, {layer}, {len(images)} images of {images.shape[-1]}²"
        results.add(what, measured(functions, options), Claim("pyxai", "one at a time", at_most))


def squeezenet(options: Options) -> nn.Module:
    return zoo.build("squeezenet1_0").to(options.device)


def photographs(options: Options, count: int) -> Tensor:
    images = zoo.photographs(2 if options.quick else count, 64 if options.quick else 224)
    return images.to(options.device)


def measured(functions: dict[str, Callable[[], object]], options: Options) -> dict[str, list[float]]:
    return interleave(functions, options.rounds, at_least=options.at_least)


PARTS = {"steps": steps, "together": together}


def main() -> None:
    harness.run_parts("visualization", __doc__, PARTS)


if __name__ == "__main__":
    main()
