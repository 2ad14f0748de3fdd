"""Region contrast against loops over pairs of regions and of colours."""

import math

import numpy as np
import pytest
import torch

from pyxai import saliency
from pyxai.saliency.colour import lab
from pyxai.saliency.regions import _quantised, histogram_contrast, mean_contrast
from tests.saliency.pictures import TURNS, correlation, photographs, tensor

HEIGHT, WIDTH = 24, 30


@pytest.fixture
def image():
    return tensor(photographs(HEIGHT, WIDTH)[:1], torch.float64)[0]


@pytest.fixture
def labels():
    y, x = torch.arange(HEIGHT)[:, None], torch.arange(WIDTH)
    return y // 7 * 5 + x // 6


def regions(labels):
    """For each region its pixels, its share of the image and its centroid."""
    for number in range(int(labels.max()) + 1):
        inside = (labels == number).numpy()
        y, x = np.nonzero(inside)
        yield inside.ravel(), inside.mean(), ((y.mean() + 0.5) / HEIGHT, (x.mean() + 0.5) / WIDTH)


def weight(share, one, other):
    return share * math.exp(-((one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2) / 0.4)


def test_mean_against_a_double_loop(image, labels):
    colours = lab(image[None])[0].flatten(1).T.numpy()
    found = mean_contrast(image, labels)
    for (inside, _, place), ours in zip(regions(labels), found, strict=True):
        total = 0.0
        for others, share, there in regions(labels):
            distance = np.linalg.norm(colours[inside].mean(0) - colours[others].mean(0))
            total += weight(share, place, there) * distance
        assert float(ours) == pytest.approx(total, rel=1e-10)


def test_histogram_against_loops(image, labels):
    index, palette = (value.numpy() for value in _quantised(image))
    found = histogram_contrast(image, labels)
    y, x = (np.abs((np.arange(side) + 0.5) / side - 0.5) for side in (HEIGHT, WIDTH))
    for number, ((inside, _, place), ours) in enumerate(zip(regions(labels), found, strict=True)):
        total = 0.0
        for other, (others, share, there) in enumerate(regions(labels)):
            if other == number:
                continue
            distance = 0.0
            for one in np.flatnonzero(inside):
                distance += np.linalg.norm(palette[index[one]] - palette[index[others]], axis=1).mean()
            total += weight(share, place, there) * distance / inside.sum()
        middle = np.repeat(y, WIDTH)[inside].mean() ** 2 + np.tile(x, HEIGHT)[inside].mean() ** 2
        assert float(ours) == pytest.approx(math.exp(-9 * middle) * total, rel=1e-9)


def test_two_regions_in_closed_form():
    image = torch.zeros(3, 10, 10, dtype=torch.float64)
    image[0, :, 5:] = 1.0
    labels = (torch.arange(10) >= 5).long().expand(10, 10)
    distance = float((lab(image[None])[0, :, 0, 9] - lab(image[None])[0, :, 0, 0]).norm())
    expected = 0.5 * math.exp(-0.25 / 0.4) * distance
    torch.testing.assert_close(mean_contrast(image, labels), torch.full((2,), expected, dtype=torch.float64))


def test_rare_colours_join_the_nearest():
    image = tensor(photographs()[:1])[0]
    cells = (image * 12).long().clamp(max=11).flatten(1).unique(dim=1).shape[1]
    index, palette = _quantised(image)
    assert 10 <= len(palette) < cells
    counts = torch.bincount(index, minlength=len(palette))
    assert counts.sum() == image[0].numel() and (counts > 0).all()


@pytest.mark.parametrize("variant", ["mean", "histogram"])
@pytest.mark.parametrize("segments", ["slic", "felzenszwalb"])
def test_an_object_is_found(variant, segments):
    pytest.importorskip("skimage")
    images = torch.full((1, 3, 60, 80), 0.3)
    images[0, 0, 20:40, 30:55] = 0.9
    maps = saliency.region_contrast(images, variant=variant, segments=segments, count=60)[0]
    assert maps[24:36, 34:50].min() > 2 * maps[:15].max()


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(("segments", "least"), [("felzenszwalb", 0.99), ("slic", 0.88)])
def test_turning_the_image_turns_the_map(segments, least, turn):
    pytest.importorskip("skimage")
    images = tensor(photographs(256, 256)[:2])
    maps, turned = (
        saliency.region_contrast(x.contiguous(), segments=segments) for x in (images, turn(images))
    )
    assert correlation(turned, turn(maps)) >= least


def test_absence_of_scikit_image_is_one_sentence(monkeypatch):
    import importlib

    def absent(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(
        ModuleNotFoundError, match="region_contrast needs scikit-image: pip install scikit-image"
    ):
        saliency.region_contrast(torch.rand(1, 3, 20, 20))
