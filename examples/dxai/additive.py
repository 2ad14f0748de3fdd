"""Classes that differ by something added and known: noise (Kadar & Gilboa 2023, Fig. 13), or a colour.

Trains a decomposition and prints, for held-out pictures, how its distinct part correlates with what was
added, beside the parts w ⊙ x of heat maps:

    python -m examples.dxai.additive noise --data train.zip --test test.zip --out RUN

A run that was interrupted continues. Colours need generators that see an image's mean colour, so they go
without the published normalisation of the input.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyxai.attribution import Explainer
from pyxai.cli.dxai_command import train
from pyxai.dxai import builders
from pyxai.dxai.data import Range
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.evaluation import correlation, heatmap_part
from pyxai.dxai.training import Recipe, load_checkpoint
from pyxai.engine import Preprocess
from pyxai.engine.models import load_model
from pyxai.engine.sources import open_source

COLOURS = {"red": (50.0, -25.0, -25.0), "green": (-25.0, 50.0, -25.0), "blue": (-25.0, -25.0, 50.0)}
UNSEEN = 2**40  # seeds of noise that no training picture has
HEATMAPS = "saliency,input_x_gradient,integrated_gradients,smoothgrad,guided_backprop,lrp,deeplift"


def pictures(path: Path, size: int, count: int | None) -> Iterator[tuple[str, np.ndarray]]:
    """Names and (size, size, 3) pixels of pictures spread over a folder or zip."""
    source, square = open_source(path), Preprocess(resize=size, crop=size)
    names = source.names()
    for index in np.linspace(0, len(names) - 1, min(count or len(names), len(names))).astype(int):
        yield (
            names[index].replace("/", "_").partition(".")[0],
            source.read(names[index], square).transpose(1, 2, 0),
        )


def added(kind: str, picture: np.ndarray, number: int, sigma: float) -> tuple[str, np.ndarray, np.ndarray]:
    """Class, picture and what was added to it, in grey levels of 255."""
    if kind == "noise":
        noisy = builders.with_noise(picture, sigma, UNSEEN + number)
        return "noisy", noisy, noisy.astype(float) - picture
    label = list(COLOURS)[number % len(COLOURS)]
    colour = np.broadcast_to(COLOURS[label], picture.shape)
    return label, builders.tinted(picture, COLOURS[label]), colour


def unit(batch: list[np.ndarray]) -> Tensor:
    """Grey levels (H, W, 3) as (N, 3, H, W) in units of half their range, as differences in [-1, 1] are."""
    return torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2) / 127.5).float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=("noise", "colour"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--classifier", default="train", help="as for `pyxai dxai train`")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--sigma", type=float, default=25.0, help="of the noise, in grey levels of 255")
    parser.add_argument("--count", type=int, default=None, help="training pictures; default all")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--width", type=int, default=32, help="of the discriminator")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--methods", default=HEATMAPS)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    kind, tree = arguments.kind, arguments.out / "data"
    if not tree.exists():
        found = pictures(arguments.data, arguments.size, arguments.count)
        if kind == "noise":
            items = builders.noise_classes(found, arguments.sigma)
        else:
            items = builders.colour_classes(found, COLOURS)
        print(builders.write_tree(tree, items))
    train(
        tree,
        arguments.out,
        arguments.classifier,
        iterations=arguments.iterations,
        image_size=arguments.size,
        discriminator_width=arguments.width,
        input_norm=kind == "noise",
        precision=arguments.precision,
        resume=True,
        report_every=min(500, arguments.iterations),
    )
    state = load_checkpoint(arguments.out)
    recipe = Recipe.from_json(state["recipe"])
    networks = recipe.networks()
    networks.load_state_dict(state["average"])
    model, span = load_model(f"dxai:{arguments.out}").model, recipe.range
    held = [
        added(kind, picture, number, arguments.sigma)
        for number, (_, picture) in enumerate(pictures(arguments.test, arguments.size, arguments.held_out))
    ]
    target = torch.tensor([recipe.classes.index(label) for label, _, _ in held])
    images, truth = unit([picture for _, picture, _ in held]) - 1, unit([what for _, _, what in held])
    measure(networks, model, span, images, target, truth, arguments.methods.split(","))


def measure(networks, model, span: Range, images: Tensor, target: Tensor, truth: Tensor, methods: list[str]):
    """Print the mean correlation of every distinct part with the truth."""
    with torch.no_grad():
        right = (model(span.input(images)).argmax(1) == target).double().mean().item()
    found = decompose(networks, images, target)
    print(f"{len(images)} held-out pictures, {right:.1%} classified right, PSNR {found.psnr().mean():.1f} dB")
    parts = {"dxai": found.distinct}
    for name in filter(None, methods):
        attribution = Explainer(model, name)(span.input(images), target).attribution
        parts[name] = heatmap_part(images, attribution)
        parts[f"{name}, signed"] = heatmap_part(images, attribution, negative="keep")
    for name, part in parts.items():
        print(f"{name:32} {correlation(part, truth).nanmean():7.3f}")


if __name__ == "__main__":
    main()
