"""Region contrast against loops over pairs of regions and of colours."""

import math

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

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


def test_many_regions_in_float32_against_a_double_loop():
    """Above 25 points torch would take distances from products, and equal colours would come out apart."""
    image = tensor(photographs(HEIGHT, WIDTH)[:1])[0]
    labels = torch.arange(HEIGHT)[:, None] // 3 * 10 + torch.arange(WIDTH) // 3
    image[:, labels % 2 == 1] = torch.tensor([0.7, 0.5, 0.3])[:, None]
    places = list(regions(labels))
    colours = lab(image[None].double())[0].flatten(1).T.numpy()
    means = [colours[inside].mean(0) for inside, _, _ in places]
    expected = [
        sum(
            weight(share, place, there) * np.linalg.norm(mean - other)
            for j, ((_, share, there), other) in enumerate(zip(places, means, strict=True))
            if j != i
        )
        for i, ((_, _, place), mean) in enumerate(zip(places, means, strict=True))
    ]
    np.testing.assert_allclose(mean_contrast(image, labels), expected, rtol=1e-10)
    image[:] = torch.tensor([0.7, 0.5, 0.3])[:, None, None]
    assert mean_contrast(image, labels).amax() < 1e-10


class Largest(TorchDispatchMode):
    """How many bytes the largest tensor has that is made meanwhile."""

    bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **kwargs or {})
        sizes = [leaf.nbytes for leaf in tree_leaves(made) if isinstance(leaf, torch.Tensor)]
        self.bytes = max([self.bytes, *sizes])
        return made


def test_a_million_pixels_take_little_memory():
    """Regions and colours by number: a table of pixels and regions would take 8 GB."""
    labels = torch.arange(2**20).view(1024, 1024) // 1024
    image = torch.rand(3, 1024, 1024)
    for contrast in (mean_contrast, histogram_contrast):
        with Largest() as seen:
            contrast(image, labels)
        assert 2**24 < seen.bytes < 2**26


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
    """Every pixel gets, of the fewest colours that have 95 % of the pixels, the one nearest to its own."""
    image = tensor(photographs()[:1], torch.float64)[0]
    cells = (image * 12).long().clamp(max=11).flatten(1).T.numpy()
    colours = lab(image[None])[0].flatten(1).T.numpy()
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    means = np.stack([colours[cell.ravel() == number].mean(0) for number in range(len(count))])
    frequent = np.sort(count)[::-1]
    least = int((frequent.cumsum() < 0.95 * len(cell)).sum()) + 1
    index, palette = _quantised(image)
    assert 10 < len(palette) == least < len(count)
    nearest = np.linalg.norm(means[:, None] - palette.numpy(), axis=-1).argmin(1)
    np.testing.assert_array_equal(index, nearest[cell.ravel()])
    kept = [number for number, mean in enumerate(means) if np.abs(palette.numpy() - mean).sum(1).min() < 1e-9]
    assert sorted(count[kept])[::-1] == frequent[:least].tolist()


@pytest.mark.parametrize("variant", ["mean", "histogram"])
@pytest.mark.parametrize("segments", ["slic", "felzenszwalb"])
def test_an_object_is_found(variant, segments):
    pytest.importorskip("skimage")
    images = torch.full((1, 3, 60, 80), 0.3)
    images[0, 0, 20:40, 30:55] = 0.9
    maps = saliency.region_contrast(images, variant=variant, segments=segments, count=60)[0]
    assert maps[24:36, 34:50].min() > 2 * maps[:15].max()


@pytest.mark.parametrize("turn", TURNS)
def test_turning_the_image_turns_the_map_of_slic_roughly(turn):
    """Its seeds lie on a grid. With the default superpixels: test_face."""
    pytest.importorskip("skimage")
    images = tensor(photographs(256, 256)[:2])
    maps, turned = (saliency.region_contrast(x.contiguous(), segments="slic") for x in (images, turn(images)))
    assert correlation(turned, turn(maps)) >= 0.88


def test_absence_of_scikit_image_is_one_sentence(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setitem(sys.modules, "skimage.segmentation", None)
    with pytest.raises(ImportError, match="region_contrast needs scikit-image: pip install scikit-image"):
        saliency.region_contrast(torch.rand(1, 3, 20, 20))
