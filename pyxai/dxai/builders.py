"""The paper's kinds of data (§A.3) from boxes, masks, noise and colours, as trees of class folders.

Pictures are (H, W, 3) or (H, W) uint8 arrays. `pyxai dxai train --data` takes the trees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from pyxai.checks import expect

Item = tuple[str, str, np.ndarray]  # class, name, picture


def write_tree(out: Path, items: Iterable[Item]) -> dict[str, int]:
    """Write pictures as ``out/CLASS/NAME.png``; how many each class got."""
    counts: dict[str, int] = {}
    for label, name, picture in items:
        folder = Path(out) / label
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(folder / f"{name}.png")
        counts[label] = counts.get(label, 0) + 1
    return counts


def patches(
    name: str,
    picture: np.ndarray,
    boxes: np.ndarray,
    size: int = 256,
    *,
    stride: int | None = None,
    visible: float = 0.7,
    labels: tuple[str, str] = ("without", "with"),
) -> Iterator[Item]:
    """Square patches with and without an object (the paper's rule for DOTA).

    A patch shows an object if ``visible`` of some box's area is in it, and none if no box touches it; the
    patches between are left out.

    Args:
        boxes: (K, 4), left, top, right and bottom of each object in pixels.
        size, stride: of the patches in pixels; without a stride they do not overlap.
    """
    boxes = np.asarray(boxes, float).reshape(-1, 4)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    expect(bool((areas > 0).all()), "boxes", "be (left, top, right, bottom) of some area", boxes.tolist())
    stride = stride or size
    for top in range(0, picture.shape[0] - size + 1, stride):
        for left in range(0, picture.shape[1] - size + 1, stride):
            low = np.maximum(boxes[:, :2], (left, top))
            high = np.minimum(boxes[:, 2:], (left + size, top + size))
            inside = np.clip(high - low, 0, None).prod(1)
            seen = (inside >= visible * areas).any()
            if seen or not inside.any():
                patch = picture[top : top + size, left : left + size]
                yield labels[int(seen)], f"{name}_{top}_{left}", patch


def by_mask(
    name: str,
    picture: np.ndarray,
    mask: np.ndarray,
    *,
    least: int = 20,
    tissue: float = 0.2,
    labels: tuple[str, str] = ("without", "with"),
) -> Iterator[Item]:
    """The picture, by what a mask marks in it, or nothing (the paper's rule for BraTS).

    Marked are pictures with ``least`` pixels in the mask; unmarked those with none and a full section, of
    which the paper gives no number: here ``tissue`` of the pixels are not black.
    """
    expect(mask.shape == picture.shape[:2], "mask", f"have shape {picture.shape[:2]}", mask.shape)
    count = np.count_nonzero(mask)
    shown = picture.reshape(*picture.shape[:2], -1).any(2).mean()
    if count >= least:
        yield labels[1], name, picture
    elif count == 0 and shown >= tissue:
        yield labels[0], name, picture


def with_noise(picture: np.ndarray, sigma: float, seed: int) -> np.ndarray:
    """Gaussian noise of ``sigma`` grey levels of 255 added, clipped and rounded to 8 bits."""
    noise = np.random.default_rng(seed).normal(0.0, sigma, picture.shape)
    return np.uint8(np.clip(np.rint(picture + noise), 0, 255))


def noise_classes(
    pictures: Iterable[tuple[str, np.ndarray]], sigma: float = 25.0, seed: int = 0
) -> Iterator[Item]:
    """Every second picture noisy, the others clean (Fig. 13)."""
    for number, (name, picture) in enumerate(pictures):
        if number % 2:
            # A sequence of its own for every picture, whatever the order they are asked for in.
            yield "noisy", name, with_noise(picture, sigma, seed * 2**32 + number)
        else:
            yield "clean", name, picture


def tinted(picture: np.ndarray, colour: tuple[float, float, float], contrast: float = 0.5) -> np.ndarray:
    """A grey version of the picture plus a colour, so that colour is additive and known.

    Args:
        colour: added to red, green and blue, in grey levels of 255.
        contrast: of the grey picture about mid-grey, so that nothing needs to be clipped for colours of up to
            127 (1 - contrast) levels.
    """
    grey = picture.reshape(*picture.shape[:2], -1).mean(2, keepdims=True)
    levels = 127.5 + contrast * (grey - 127.5) + np.asarray(colour, float)
    return np.uint8(np.clip(np.rint(levels), 0, 255))


def colour_classes(
    pictures: Iterable[tuple[str, np.ndarray]],
    colours: dict[str, tuple[float, float, float]],
    contrast: float = 0.5,
) -> Iterator[Item]:
    """The pictures in turn in the colours of the classes, see :func:`tinted`."""
    names = list(colours)
    for number, (name, picture) in enumerate(pictures):
        label = names[number % len(names)]
        yield label, name, tinted(picture, colours[label], contrast)
