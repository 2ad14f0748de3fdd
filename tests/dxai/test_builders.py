"""Which picture goes to which class, and what is added to it."""

import numpy as np
import pytest
from PIL import Image

from pyxai.dxai import builders

PICTURE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


def test_patches():
    """Of six patches of 32: one has a car, one 75 % of another, its neighbour the rest and is left out."""
    boxes = np.array([[2, 2, 12, 8], [56, 40, 66, 50], [56, 40, 60, 44]])  # the last lies in its patch whole
    found = {name: label for label, name, _ in builders.patches("a", PICTURE, boxes[:2], 32)}
    assert found == {
        "a_0_0": "with", "a_0_32": "without", "a_0_64": "without", "a_32_0": "without", "a_32_32": "with",
    }  # fmt: skip
    strict = {name: label for label, name, _ in builders.patches("a", PICTURE, boxes[:2], 32, visible=0.9)}
    assert strict == {name: label for name, label in found.items() if name != "a_32_32"}
    (patch,) = [patch for _, name, patch in builders.patches("a", PICTURE, boxes, 32) if name == "a_32_32"]
    assert np.array_equal(patch, PICTURE[32:, 32:64])
    assert len(list(builders.patches("a", PICTURE, [], 32, stride=16))) == 3 * 5
    with pytest.raises(ValueError, match=r"^`boxes` must be"):
        list(builders.patches("a", PICTURE, [[5, 5, 5, 9]], 32))


def test_masks():
    mask = np.zeros((64, 96), bool)

    def label(mask, picture=PICTURE):
        return [label for label, _, _ in builders.by_mask("a", picture, mask)]

    assert label(mask) == ["without"]
    assert label(mask, np.where(np.arange(96)[:, None] < 10, PICTURE, 0).astype(np.uint8)) == []
    mask[0, :19] = True
    assert label(mask) == []
    mask[0, 19] = True
    assert label(mask) == ["with"]
    with pytest.raises(ValueError, match=r"^`mask` must have shape \(64, 96\), got \(96, 64\)"):
        label(mask.T)


def test_noise():
    grey = np.full((200, 200, 3), 128, np.uint8)
    items = list(builders.noise_classes([("a", grey), ("b", grey), ("c", grey), ("d", grey)], sigma=25))
    assert [label for label, _, _ in items] == ["clean", "noisy", "clean", "noisy"]
    assert np.array_equal(items[0][2], grey)
    first, second = (items[row][2] - 128.0 for row in (1, 3))
    assert first.std() == pytest.approx(25, rel=0.02) and abs(first.mean()) < 0.3
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert builders.with_noise(np.full((50, 50), 250, np.uint8), 25, 0).max() == 255


def test_colours_are_additive():
    colours = {"red": (40, -20, -20), "blue": (-20, -20, 40)}
    items = list(builders.colour_classes([("a", PICTURE), ("b", PICTURE), ("c", PICTURE)], colours))
    assert [label for label, _, _ in items] == ["red", "blue", "red"]
    assert np.array_equal(items[0][2], items[2][2])
    difference = items[0][2].astype(int) - items[1][2]
    assert np.abs(difference - (60, 0, -60)).max() == 0
    assert np.ptp(items[0][2] - np.array(colours["red"]), axis=2).max() <= 1  # grey but for the colour


def test_tree(tmp_path):
    items = builders.colour_classes([("a", PICTURE), ("b", PICTURE)], {"red": (9, 0, 0), "none": (0, 0, 0)})
    assert builders.write_tree(tmp_path, items) == {"red": 1, "none": 1}
    with Image.open(tmp_path / "none" / "b.png") as image:
        assert np.array_equal(np.asarray(image), builders.tinted(PICTURE, (0, 0, 0)))
