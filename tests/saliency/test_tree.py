"""Minimum spanning tree saliency against scipy's tree and a walk over all paths."""

import numpy as np
import pytest
import scipy.sparse
import torch
from scipy.sparse.csgraph import minimum_spanning_tree

from pyxai import _native, saliency
from pyxai.saliency.colour import lab
from tests.saliency.pictures import TURNS, photographs, tensor

pytestmark = pytest.mark.skipif(_native.missing is not None, reason="no compiled module")


def pictures(size=(12, 14), channels=3, levels=256):
    shape = (4, *size, channels)
    return np.random.default_rng(0).integers(0, levels, shape, dtype=np.uint8)


def grid_edges(picture):
    """(one, other, weight) of every edge between 4-neighbours."""
    height, width = picture.shape[:2]
    number = np.arange(height * width).reshape(height, width)
    wide = picture.astype(int)
    across = (number[:, :-1], number[:, 1:], np.abs(wide[:, 1:] - wide[:, :-1]).max(-1))
    down = (number[:-1], number[1:], np.abs(wide[1:] - wide[:-1]).max(-1))
    return [np.concatenate([a.ravel(), d.ravel()]) for a, d in zip(across, down, strict=True)]


@pytest.mark.parametrize("levels", [2, 8, 256])
@pytest.mark.parametrize("size", [(12, 14), (1, 9), (30, 1), (40, 41)])
def test_tree_is_minimal(size, levels):
    for picture, parent in zip(
        pictures(size, levels=levels), _native.spanning_trees(pictures(size, levels=levels)), strict=True
    ):
        one, other, weight = grid_edges(picture)
        count = picture.shape[0] * picture.shape[1]
        graph = scipy.sparse.coo_array((weight + 1, (one, other)), (count, count))  # a zero would be no edge
        expected = minimum_spanning_tree(graph.tocsr()).sum() - (count - 1)
        assert parent[0] == -1 and (parent[1:] >= 0).all()
        place = picture.reshape(count, -1).astype(int)
        assert np.abs(place[1:] - place[parent[1:]]).max(-1).sum() == expected
        links = scipy.sparse.coo_array(
            (np.ones(count - 1), (np.arange(1, count), parent[1:])), (count, count)
        )
        assert scipy.sparse.csgraph.connected_components(links, directed=False)[0] == 1


@pytest.mark.parametrize(
    ("picture", "parents"),
    [
        # all weights equal: edges right and down of pixel 0, of pixel 1, ... where they close no circle
        ([[5, 5, 5], [5, 5, 5], [5, 5, 5]], [-1, 0, 1, 0, 1, 2, 3, 4, 5]),
        # pixels 1, 2, 3 are joined first; of the two edges of pixel 0 the one to its right is taken
        ([[9, 5], [5, 5]], [-1, 0, 3, 1]),
    ],
)
def test_ties_go_by_number_right_before_down(picture, parents):
    (found,) = _native.spanning_trees(np.array(picture, np.uint8)[None, ..., None])
    assert found.tolist() == parents


def brute_force(picture, parent):
    """Lowest barrier over all border pixels: values on the tree's path between each and every pixel."""
    height, width, channels = picture.shape
    values = picture.reshape(-1, channels).astype(int)

    def path(pixel):
        found = [pixel]
        while parent[found[-1]] >= 0:
            found.append(parent[found[-1]])
        return found

    paths = [path(pixel) for pixel in range(height * width)]
    border = [
        p for p in range(height * width) if p // width in (0, height - 1) or p % width in (0, width - 1)
    ]
    best = np.full(height * width, 999)
    for pixel in range(height * width):
        for seed in border:
            there, here = set(paths[seed]), set(paths[pixel])
            meeting = next(p for p in paths[pixel] if p in there)
            nodes = list((there ^ here) | {meeting})
            best[pixel] = min(best[pixel], np.ptp(values[nodes], axis=0).max())
    return best.reshape(height, width)


def test_exact_distances_against_all_paths():
    images = pictures((7, 8), levels=40)
    found = _native.barrier_distances(images, True)
    for picture, parent, ours in zip(images, _native.spanning_trees(images), found, strict=True):
        assert np.array_equal(ours, brute_force(picture, parent))


@pytest.mark.parametrize("channels", [1, 3])
def test_two_passes_are_an_upper_bound(channels):
    """Above the exact distance for 20 to 30 % of the pixels, in noise and in photographs."""
    noise, photograph = pictures((40, 50), channels), photographs(80, 100)[..., :channels].copy()
    for images in (noise, photograph):
        fast, exact = (_native.barrier_distances(images, exact) for exact in (False, True))
        assert (fast >= exact).all() and 0.2 < (fast > exact).mean() < 0.3
        for distance in (fast, exact):
            border = np.concatenate([distance[:, [0, -1]].ravel(), distance[:, :, [0, -1]].ravel()])
            assert not border.any()


@pytest.mark.parametrize("turn", TURNS)
def test_without_ties_the_exact_distances_turn_with_the_image(turn):
    random = np.random.default_rng(0)
    found = 0
    while found < 20:
        (picture,) = random.integers(0, 256, (1, 4, 5, 1), dtype=np.uint8)
        weights = grid_edges(picture)[2]
        if len(set(weights)) < len(weights):
            continue
        found += 1
        image = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
        maps, turned = (
            saliency.spanning_tree(x.contiguous(), refine=False, exact=True) for x in (image, turn(image))
        )
        assert torch.equal(turned, turn(maps))


def test_images_are_independent_of_threads():
    images = pictures((60, 70))
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = _native.barrier_distances(images, False)
        torch.set_num_threads(4)
        assert np.array_equal(_native.barrier_distances(images, False), one)
    finally:
        torch.set_num_threads(threads)


def test_an_object_away_from_the_border_is_found():
    images = torch.full((1, 3, 60, 80), 0.3)
    images += 0.02 * torch.rand(1, 3, 60, 80)
    images[0, 0, 20:40, 30:55] = 0.9
    for options in ({}, {"refine": False}, {"refine": False, "exact": True}):
        maps = saliency.spanning_tree(images, **options)[0]
        inside, outside = maps[22:38, 32:53].min(), maps[:18].max()
        assert inside > 0.5 > 0.1 > outside


def test_lab_against_scikit_image():
    colour = pytest.importorskip("skimage.color")
    pixels = photographs()
    found = lab(tensor(pixels, torch.float64)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(found, colour.rgb2lab(pixels), atol=2e-2)


@pytest.mark.parametrize(
    "images", [np.zeros((1, 4, 4, 3)), np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 5), np.uint8)]
)
def test_messages(images):
    with pytest.raises(ValueError, match=r"^barrier_distances: `images` must be uint8 of shape"):
        _native.barrier_distances(images, False)
