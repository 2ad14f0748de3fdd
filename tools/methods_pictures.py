"""Draw the pictures of `docs/methods/`, one for each family, and that of the README.

    python -m tools.methods_pictures [NAME …]

The images are those of `pyxai demo`: photographs that scikit-image carries, and scikit-learn's digits; the
classifiers are the two that the demonstration ships. `decomposition` trains its generators first, which takes
minutes. `fem` takes the SqueezeNet of the test data (`PYXAI_TEST_DATA`).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

import pyxai
from pyxai.demo import networks, pictures
from tests import zoo

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "methods" / "pictures"
# Photograph to the part and the row where it is cropped: places that can be recognised, of parts that the
# classifier was not trained on.
CROPS = {"chelsea": (1, 270), "coffee": (1, 90), "rocket": (1, 300), "astronaut": (0, 15)}
COLOURS = 36
TRAINING = (
    "dxai train --classifier pyxai.demo.networks:digits --image-size 32 --iterations 237 --branches 3 "
    "--generator-width 8 --discriminator-width 16 --no-input-norm --augmentation none --rate 0.001"
)


def overview() -> Image.Image:
    """One image, two of its classes, several methods: the picture of the README."""
    methods = {
        "integrated_gradients": ("integrated_gradients", {}),
        "lrp": ("lrp", {}),
        "deeplift": ("deeplift", {"rule": "reveal_cancel"}),
    }
    return explained(methods, [(grid(), "chelsea"), (grid(), "coffee")])


def gradient() -> Image.Image:
    return explained({name: (name, {}) for name in ("gradient", "saliency", "input_x_gradient")})


def path() -> Image.Image:
    ends = {"low": networks.PHOTOGRAPHS.black}
    greys = torch.cat([normalised(np.full((192, 192, 3), level, np.uint8)) for level in range(0, 256, 51)])
    return explained(
        {
            "IG, black": ("integrated_gradients", {"baseline": "black", **ends}),
            "IG, mean": ("integrated_gradients", {"baseline": "mean"}),
            "IG, blur": ("integrated_gradients", {"baseline": "blur"}),
            "expected_gradients": ("expected_gradients", {"baseline": greys, "samples": 100}),
        }
    )


def noise() -> Image.Image:
    names = ("gradient", "smoothgrad", "smoothgrad_squared", "vargrad")
    return explained({name: (name, {}) for name in names})


def propagation() -> Image.Image:
    return explained(
        {
            "lrp, epsilon": ("lrp", {"composite": "epsilon"}),
            "lrp": ("lrp", {}),
            "deeplift": ("deeplift", {}),
            "excitation_backprop": ("excitation_backprop", {}),
            "guided_backprop": ("guided_backprop", {}),
        }
    )


def feature_map() -> Image.Image:
    names = (
        "cam",
        "grad_cam",
        "grad_cam_plus_plus",
        "eigen_grad_cam",
        "layer_cam",
        "score_cam",
        "guided_grad_cam",
    )
    methods = {name: (name, {}) for name in names}
    return explained(methods, [(grid(), "chelsea"), (grid(), "coffee")])


def neuron() -> Image.Image:
    layer, steps = {"layer": "features.11"}, {"steps": 33}
    return explained(
        {
            "layer_gradient_x_activation": ("layer_gradient_x_activation", layer),
            "layer_conductance": ("layer_conductance", layer | steps),
            "layer_lrp": ("layer_lrp", layer),
            "layer_deeplift": ("layer_deeplift", layer),
            "neuron_conductance": ("neuron_conductance", layer | steps | {"unit": "0:4"}),
        }
    )


def fem() -> Image.Image:
    """The survey's Fig. 9: LRP by three rules beside FEM."""
    model, preprocess = zoo.squeezenet_imagenet()
    methods = {
        "lrp, epsilon": ("lrp", {"composite": "epsilon"}),
        "epsilon, bias ignored": ("lrp", {"composite": "epsilon", "bias": "ignore"}),
        "alpha 1, beta 0": ("lrp", {"composite": "preset_a"}),
        "fem": ("fem", {"layer": "fire9"}),
    }
    pixels = preprocess.picture(Image.fromarray(pictures.photograph("chelsea")))
    images = preprocess.normalise(torch.from_numpy(pixels[None]))
    maps = {
        heading: list(pyxai.explain(model, images, name, **options).heatmap().numpy())
        for heading, (name, options) in methods.items()
    }
    return pyxai.render.gallery([pixels.transpose(1, 2, 0)], maps, cmap="diverging")


def visualization() -> Image.Image:
    """One image, and what counts at a layer for two of the classes in it."""
    classes = [pictures.PHOTOGRAPHS.index(name) for name in ("chelsea", "coffee")]
    shown = pyxai.explain(
        networks.photographs()[0],
        normalised(grid()),
        "attribution_visualization",
        torch.tensor([classes]),
        preprocess=networks.PHOTOGRAPHS,
        layer="features.11",
        steps=256,
        attribution_options={"baseline": "zero", "steps": 33},
    )
    found = (255 * shown.attribution[0]).round().byte().permute(0, 2, 3, 1).numpy()
    gap = np.full((len(grid()), 8, 3), 255, np.uint8)
    return Image.fromarray(np.hstack([grid(), gap, found[0], gap, found[1]]))


def rate_distortion() -> Image.Image:
    ends = {"low": networks.PHOTOGRAPHS.black, "high": networks.PHOTOGRAPHS.white}
    options = {"steps": 100, "distortion": "maximise_label", **ends}
    return explained(
        {
            "cartoonx": ("cartoonx", {"sparsity": 20.0, "levels": 4, **options}),
            "pixel_rde": ("pixel_rde", {"sparsity": 3.0, **options}),
        },
        [(crop(name), name) for name in ("coffee", "rocket")],
        "gray",
    )


def saliency() -> Image.Image:
    names = ("spectral_residual", "gbvs", "spanning_tree", "region_contrast")
    photographs = [pictures.photograph(name) for name in ("chelsea", "rocket")]
    maps: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for photograph in photographs:
        images = torch.from_numpy(photograph / 255).float().permute(2, 0, 1)[None]
        for name in names:
            maps[name].append(pyxai.explain(None, images, name).heatmap()[0].numpy())
    return pyxai.render.gallery(photographs, maps)


def decomposition() -> Image.Image:
    digits, labels = pictures.digit_images()
    training, test = pictures.split_digits(len(labels))
    chosen = [test[labels[test] == digit][0] for digit in (3, 8)]
    with tempfile.TemporaryDirectory() as folder:
        for number in training:
            place = Path(folder, "digits", str(labels[number]), f"{number:04}.png")
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(digits[number]).save(place)
        arguments = [*TRAINING.split(), "--data", f"{folder}/digits", "--out", f"{folder}/run"]
        subprocess.run([sys.executable, "-m", "pyxai", *arguments], check=True)
        return parts(digits[chosen], f"{folder}/run")


def parts(digits: np.ndarray, run: str) -> Image.Image:
    """Digits (N, 32, 32, 3) beside the parts that the generators of ``run`` find in them."""
    classifier, preprocess = networks.digits()
    images = preprocess.normalise(torch.from_numpy(digits.transpose(0, 3, 1, 2).copy()))
    found = pyxai.explain(classifier, images, "dxai", run=run, samples=8)
    maps = {"distinct": found.attribution, **{name: found.extras[name] for name in ("agnostic", "missing")}}
    return pyxai.render.gallery(
        list(digits), {name: list(part.mean(1).numpy()) for name, part in maps.items()}, cmap="gray"
    )


def explained(
    methods: dict[str, tuple[str, dict[str, Any]]],
    rows: Sequence[tuple[np.ndarray, str]] | None = None,
    cmap: str = "diverging",
) -> Image.Image:
    """A column for each of ``methods``, heading to name and options; a row for each picture and class.

    Args:
        rows: None for the cat in the grid.
    """
    rows = rows or [(grid(), "chelsea")]
    model, _ = networks.photographs()
    images = torch.cat([normalised(pixels) for pixels, _ in rows])
    targets = [pictures.PHOTOGRAPHS.index(name) for _, name in rows]
    maps = {
        heading: list(pyxai.explain(model, images, name, targets, **options).heatmap().numpy())
        for heading, (name, options) in methods.items()
    }
    return pyxai.render.gallery([pixels for pixels, _ in rows], maps, cmap=cmap)


def grid() -> np.ndarray:
    """All crops in a square, (192, 192, 3) uint8."""
    a, b, c, d = map(crop, CROPS)
    return np.vstack([np.hstack([a, b]), np.hstack([c, d])])


def crop(name: str) -> np.ndarray:
    """A crop of a photograph, (96, 96, 3) uint8."""
    part, top = CROPS[name]
    return pictures.test_parts(pictures.photograph(name))[part][top : top + pictures.CROP, : pictures.CROP]


def normalised(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 as the classifier's input, (1, 3, H, W)."""
    return networks.PHOTOGRAPHS.normalise(torch.tensor(pixels).permute(2, 0, 1)[None])


DRAWN = (
    overview, gradient, path, noise, feature_map, fem, neuron, propagation, rate_distortion, saliency,
    decomposition, visualization,
)  # fmt: skip


def main(names: list[str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    for draw in DRAWN:
        if not names or draw.__name__ in names:
            few = draw().quantize(COLOURS, kmeans=3)  # a palette of a few colours: a fifth of the bytes
            few.save(FOLDER / f"{draw.__name__}.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1:])
