"""Attribution visualization: its steps beside the model's own passes, many images beside one at a time, and
where its masks lie.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

import pyxai
from benchmarks import harness
from benchmarks.harness import Claim, Options, Results
from benchmarks.passes import from_units
from pyxai.bench import interleave
from tests import zoo
from tests.visualization import two_objects

METHOD = "attribution_visualization"
SCALES = (1, 4, 16, 64)  # of the price of the area
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


def places(results: Results, options: Options) -> None:
    """Where masks lie, and how large they are, as the price of the area grows."""
    count, steps = (1, 8) if options.quick else (8, 2048)
    pairs = torch.tensor([[0, 1], [2, 3], [1, 2], [3, 0]]).repeat(2, 1)[:count]
    images, where = two_objects.pictures(pairs, seed=3)
    run = {"model": two_objects.trained(), "layer": "8", "steps": steps}
    regions(results, options, "two textures", (images, pairs, where), 2.0, run)
    model, preprocess = zoo.resnet20_cifar10()
    run = {"model": model, "preprocess": preprocess, "layer": "layer3", "steps": steps // 4}
    regions(results, options, "2×2 collages, ResNet-20", collages(model, count), 1.6, run)


def collages(model: nn.Module, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images (N, 3, 64, 64) of four photographs of different classes that the model knows, the classes
    (N, 2) of the upper two, and these tiles (N, 2, 64, 64).
    """
    images, labels = zoo.cifar10_images()
    with torch.no_grad():
        known = torch.cat([model(part).argmax(1) for part in images.split(200)]) == labels
    of_class = [images[known & (labels == label)] for label in range(10)]
    made, pairs, where = [], [], torch.zeros(count, 2, 64, 64, dtype=torch.bool)
    where[:, 0, :32, :32] = where[:, 1, :32, 32:] = True
    for row in range(count):
        classes = torch.randperm(10, generator=torch.Generator().manual_seed(row))[:4].tolist()
        tiles = [of_class[label][row] for label in classes]
        made.append(torch.cat([torch.cat(tiles[:2], 2), torch.cat(tiles[2:], 2)], 1))
        pairs.append(classes[:2])
    return torch.stack(made), torch.tensor(pairs), where


def regions(
    results: Results,
    options: Options,
    title: str,
    data: tuple[Tensor, Tensor, Tensor],
    at_least: float,
    run: dict[str, object],
) -> None:
    """Both quantities at every price, of attributions with the zero baseline; ``data`` are images, classes
    of each and where these are.
    """
    images, pairs, where = data
    for scale in SCALES[:1] if options.quick else SCALES:
        extras = pyxai.explain(
            images=images,
            target=pairs,
            method=METHOD,
            lambda_scale=float(scale),
            attribution_options={"baseline": "zero"},
            **run,
        ).extras
        mask, area = extras["mask"], extras["area"]
        times = ((mask * where).sum((2, 3)) / mask.sum((2, 3))) / where.double().mean((2, 3))
        off = (extras["kept"] - area).abs()
        what = f"{title}, {times.numel()} masks, {run['steps']} steps, λ × {scale}"
        wanted = f">= {at_least:g}" if scale == 1 else ""
        results.state(f"{what}: mass on the object of the class ÷ chance, mean", times.mean(), wanted=wanted)
        results.state(f"{what}: mass on the object of the class ÷ chance, least", times.min())
        results.state(f"{what}: |area - β|, mean", off.mean(), wanted="<= 0.05" if scale == 64 else "")
        results.state(f"{what}: |area - β|, greatest", off.max())


def squeezenet(options: Options) -> nn.Module:
    return zoo.build("squeezenet1_0").to(options.device)


def photographs(options: Options, count: int) -> Tensor:
    images = zoo.photographs(2 if options.quick else count, 64 if options.quick else 224)
    return images.to(options.device)


def measured(functions: dict[str, Callable[[], object]], options: Options) -> dict[str, list[float]]:
    return interleave(functions, options.rounds, at_least=options.at_least)


PARTS = {"steps": steps, "together": together, "places": places}


def main() -> None:
    harness.run_parts("visualization", __doc__, PARTS)


if __name__ == "__main__":
    main()
