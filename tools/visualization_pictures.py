"""Draw the pictures of visualizations in `docs/methods/`: by layer, method, fill, group; spectra of fills.

    python -m tools.visualization_pictures [NAME …] [--steps N]

The network is the SqueezeNet of the test data (`PYXAI_TEST_DATA`), the photographs are those that
scikit-image carries. The spectra need matplotlib, the extra `plots`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import pyxai
from pyxai.demo import pictures
from pyxai.modules import need
from pyxai.render import overlay, picture_grid
from pyxai.render.pixels import picture_space, pixels_of
from pyxai.saliency import radial_amplitude
from pyxai.visualization import FILLS, channel_groups
from tests import zoo
from tools.methods_pictures import FOLDER, crop

METHOD = "attribution_visualization"
LAYERS = {"relu": "conv1", "fire3": "fire3", "fire5": "fire5", "fire7": "fire7", "fire9": "fire9"}
LAYER = "fire7"  # of the sheets of one layer
CAT, CUP = 281, 968  # tabby, cup
ATTRIBUTION = {"steps": 33, "effort": 0.05}
FACTORS = 4
VIEWS = 8  # parts of the photograph that groups of channels are found in
QUALITY = 85
DRAWS = 64  # of each fill, for its spectrum


@cache
def squeezenet() -> tuple[Any, Any]:
    return zoo.squeezenet_imagenet()


def inputs(pixels: np.ndarray) -> tuple[Tensor, np.ndarray]:
    """A photograph as the network takes it, (1, 3, 227, 227), and as it is seen then."""
    _, preprocess = squeezenet()
    seen = preprocess.picture(Image.fromarray(pixels))
    return preprocess.normalise(torch.from_numpy(seen[None])), seen.transpose(1, 2, 0)


def two() -> np.ndarray:
    """A cat beside a cup, (192, 192, 3)."""
    names = ("chelsea", "coffee")
    halves = [np.asarray(Image.fromarray(crop(name)).resize((192, 192)))[:, 48:144] for name in names]
    return np.hstack(halves)


def visualized(images: Tensor, target: int, **options: Any) -> pyxai.Explanation:
    model, preprocess = squeezenet()
    given = {"attribution_options": ATTRIBUTION} if options.get("attribution") is None else {}
    return pyxai.explain(model, images, METHOD, target, preprocess=preprocess, **given, **options)


def drawn(shown: Tensor) -> np.ndarray:
    """A picture (3, H, W) in the order of the network as uint8 (H, W, 3)."""
    return pixels_of(shown, picture_space(squeezenet()[1]))


def heat(images: Tensor, seen: np.ndarray, target: int, layer: str) -> np.ndarray:
    """The attributions at a layer, summed over channels, over the photograph."""
    found = pyxai.explain(squeezenet()[0], images, "aumann_shapley", target, layer=layer, **ATTRIBUTION)
    return overlay(seen, found.attribution[0].sum(0).numpy())


def layers(steps: int) -> Image.Image:
    """Fig. 16: the attributions of a photograph and what they stand for, layer by layer."""
    images, seen = inputs(pictures.photograph("chelsea"))
    columns = {"input": [seen, None]}
    for layer, title in LAYERS.items():
        shown = visualized(images, CAT, layer=layer, steps=steps).attribution[0]
        columns[title] = [heat(images, seen, CAT, layer), drawn(shown)]
    return picture_grid(columns, names=("attributions", "visualization"))


def methods(steps: int) -> Image.Image:
    """Fig. 6: ways to show what a layer has for two classes in one photograph."""
    images, seen = inputs(two())
    model, preprocess = squeezenet()
    ways = {
        "all feature maps": {"attribution": "layer_activation", "masked": False},
        "class-targeted neurons": {"strongest": 10, "masked": False},
        "no mask": {"masked": False},
        "mask, pyramid": {},
    }
    columns: dict[str, list[np.ndarray]] = {"input": [seen, seen]}
    for title, options in ways.items():
        columns[title] = [
            drawn(visualized(images, target, layer=LAYER, steps=steps, **options).attribution[0])
            for target in (CAT, CUP)
        ]
    options = {"layer": LAYER, "steps": steps, "groups": FACTORS, "preprocess": preprocess}
    both = torch.tensor([[CAT, CUP]])
    found = pyxai.explain(model, images, "factorized_visualization", both, **options).attribution[0]
    columns["strongest factor"] = [drawn(one) for one in found]
    order = ("input", "all feature maps", "strongest factor", *list(ways)[1:])
    return picture_grid({title: columns[title] for title in order}, names=("tabby", "cup"))


def fills(steps: int) -> Image.Image:
    """Fig. 8: the same attributions with each of the five fills."""
    images, seen = inputs(two())
    columns: dict[str, list[np.ndarray]] = {"input": [seen, seen]}
    for fill in FILLS:
        columns[fill] = [
            drawn(visualized(images, target, layer=LAYER, steps=steps, fill=fill).attribution[0])
            for target in (CAT, CUP)
        ]
    return picture_grid(columns, names=("tabby", "cup"))


def groups(steps: int) -> Image.Image:
    """Figs. 17 and 18: all attributions at a layer, and those of groups of channels."""
    whole = pictures.photograph("chelsea")
    images, seen = inputs(whole)
    parts = [whole[:, 25 * k : 25 * k + whole.shape[0]] for k in range(VIEWS)]
    views = torch.cat([inputs(part)[0] for part in parts])
    rows: dict[str, list[np.ndarray]] = {}
    for layer in ("fire5", "fire9"):
        model, _ = squeezenet()
        found = pyxai.explain(model, views, "aumann_shapley", CAT, layer=layer, **ATTRIBUTION).attribution
        show = partial(visualized, images, CAT, layer=layer, steps=steps)
        shown = [show(), *(show(channels=group) for group in channel_groups(found))]
        rows[layer] = [heat(images, seen, CAT, layer), *(drawn(one.attribution[0]) for one in shown)]
    most = max(map(len, rows.values()))
    titles = ("attributions", "all channels", *(f"group {k}" for k in range(1, most - 1)))
    columns = {
        title: [row[k] if k < len(row) else None for row in rows.values()] for k, title in enumerate(titles)
    }
    return picture_grid(columns, names=tuple(rows))


def spectra(steps: int) -> Image.Image:
    """Fig. 5: the radial mean amplitude of a photograph that each fill replaces, at masks of 0, and of it."""
    need("matplotlib", "a plot of spectra", "pyxai-torch[plots]")
    import io

    from matplotlib.figure import Figure

    _, seen = inputs(pictures.photograph("chelsea"))
    image = torch.from_numpy(seen / 255).float().permute(2, 0, 1)[None]
    images, ids = image.expand(DRAWS, -1, -1, -1), torch.arange(DRAWS)
    masks = {0.0: "solid", 0.5: "dashed", 0.9: "dotted"}
    figure = Figure(figsize=(7.2, 4.6), dpi=100)
    axes = figure.subplots()
    for number, (name, fill) in enumerate(FILLS.items()):
        for level, style in masks.items():
            filled = fill()(images, torch.full((DRAWS, *image.shape[2:]), level), ids, 0)
            put = filled if name == "blur" else (filled - level * images) / (1 - level)
            label = {"constant": "constant (none)"}.get(name, name) if level == 0 else None
            axes.loglog(*amplitudes(put), color=f"C{number}", linestyle=style, label=label)
    axes.loglog(*amplitudes(image), color="black", label="photograph")
    axes.set(xlabel="cycles per pixel", ylabel="mean amplitude", ylim=(1, None))
    axes.set_title("What fills put there: solid, dashed, dotted for masks of 0, 0.5, 0.9", fontsize=10)
    axes.legend(fontsize=8)
    figure.tight_layout()
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return Image.open(file).convert("RGB")


def amplitudes(images: Tensor) -> tuple[Tensor, Tensor]:
    """Frequencies and the mean amplitude of images of any range."""
    low, range_ = images.min(), (images.max() - images.min()).clamp(min=1e-6)
    frequency, found = radial_amplitude(((images - low) / range_).clamp(0, 1))
    return frequency, (range_ * found).mean(0)


DRAWN: dict[str, Callable[[int], Image.Image]] = {
    draw.__name__: draw for draw in (layers, methods, fills, groups, spectra)
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(DRAWN)}; default: all")
    parser.add_argument("--steps", type=int, default=256)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in DRAWN]
    if unknown:
        parser.error(f"no picture {unknown[0]!r}: {', '.join(DRAWN)}")
    if zoo.missing_data():
        parser.error(zoo.missing_data())
    for name in arguments.names or DRAWN:
        place = FOLDER / f"visualization_{name}"
        picture = DRAWN[name](arguments.steps)
        if name == "spectra":
            picture.quantize(32).save(place.with_suffix(".png"), optimize=True)
        else:
            picture.save(place.with_suffix(".jpg"), quality=QUALITY, optimize=True)


if __name__ == "__main__":
    main()
