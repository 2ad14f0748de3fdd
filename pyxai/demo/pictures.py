"""The images of the demonstration, from files that scikit-learn and scikit-image carry in their wheels.

Digits are explained as they are. Photographs are explained in grids of four crops from four of them, so that
it is known where the evidence for the predicted one lies: in its own cell (Böhle et al. 2021, the grid
pointing game).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

DIGIT_SIZE = 32
CROP = 96
BAND = 100
SHORT_SIDE = 400
PHOTOGRAPHS = (
    "astronaut",
    "brick",
    "chelsea",
    "coffee",
    "hubble_deep_field",
    "immunohistochemistry",
    "retina",
    "rocket",
)


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """The 1797 handwritten digits of scikit-learn, enlarged: (1797, 32, 32, 3) uint8, and labels (1797,)."""
    from sklearn.datasets import load_digits

    small, labels = load_digits(return_X_y=True)
    small = (small.reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
    return np.stack([_enlarge(image) for image in small]), labels


def _enlarge(image: np.ndarray) -> np.ndarray:
    large = Image.fromarray(image).resize((DIGIT_SIZE, DIGIT_SIZE), Image.Resampling.BICUBIC)
    return np.asarray(large.convert("RGB"))


def split_digits(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of `count` digits are trained on and which are kept for testing (every fourth)."""
    rows = np.arange(count)
    return rows[rows % 4 != 0], rows[rows % 4 == 0]


def photograph(name: str) -> np.ndarray:
    """One of scikit-image's photographs with its shorter side scaled to 400: (H, W, 3) uint8."""
    from skimage import data

    image = Image.fromarray(getattr(data, name)()).convert("RGB")
    scale = SHORT_SIDE / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS))


def training_parts(image: np.ndarray) -> list[np.ndarray]:
    """Every second upright band of a photograph, from the left edge on: training crops come from these."""
    return _bands(image)[::2]


def test_parts(image: np.ndarray) -> list[np.ndarray]:
    """The bands between, which share no pixel with `training_parts`."""
    return _bands(image)[1::2]


def _bands(image: np.ndarray) -> list[np.ndarray]:
    return [image[:, left : left + BAND] for left in range(0, image.shape[1] - CROP + 1, BAND)]


def random_crop(parts: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """A 96×96 crop at a random place of one of `parts`, each (H, W, 3)."""
    part = parts[random.integers(len(parts))]
    top, left = (int(random.integers(side - CROP + 1)) for side in part.shape[:2])
    return part[top : top + CROP, left : left + CROP]


def grid(parts: list[list[np.ndarray]], random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Crops of four of the photographs in a square: which ones, row by row, (4,), and (192, 192, 3) uint8.

    `parts` holds what may be cropped of each photograph.
    """
    chosen = random.choice(len(parts), 4, replace=False)
    a, b, c, d = (random_crop(parts[number], random) for number in chosen)
    return chosen, np.vstack([np.hstack([a, b]), np.hstack([c, d])])


def share_in_cell(heatmap: np.ndarray, cell: int) -> float:
    """Share of the positive part of a grid's `heatmap` (192, 192) that lies in `cell` (0 to 3, row by
    row).
    """
    positive = np.clip(heatmap, 0, None)
    row, column = divmod(cell, 2)
    inside = positive[row * CROP : (row + 1) * CROP, column * CROP : (column + 1) * CROP]
    return float(inside.sum() / positive.sum())


def write_digits(folder: Path, count: int = 100) -> None:
    """The first `count` test digits as `folder/<number>-<digit>.png`."""
    images, labels = digit_images()
    for number in split_digits(len(labels))[1][:count]:
        _write(folder / f"{number:04}-{labels[number]}.png", images[number])


def write_grids(folder: Path, count: int = 32) -> None:
    """`count` grids of test crops as `folder/<number>-<photograph>-<photograph>-….png`."""
    random = np.random.default_rng(0)
    parts = [test_parts(photograph(name)) for name in PHOTOGRAPHS]
    for number in range(count):
        chosen, image = grid(parts, random)
        _write(folder / f"{number:02}-{'-'.join(PHOTOGRAPHS[k] for k in chosen)}.png", image)


def _write(path: Path, image: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
