"""The gallery of several methods."""

import numpy as np
import pytest
from PIL import Image

from pyxai.render import colourise, gallery
from pyxai.render.sheet import GAP, MARGIN, TILE


def test_a_column_a_method_and_a_row_an_image(tmp_path):
    images = [np.full((84, 84, 3), value, np.uint8) for value in (10, 200)]
    ramp = np.linspace(0, 1, 84)[None].repeat(84, 0)
    sheet = gallery(images, {"one": [ramp, ramp.T], "two": [ramp, ramp]}, tmp_path / "g.png", cmap="gray")
    assert Image.open(tmp_path / "g.png").size == sheet.size
    pixels = np.asarray(sheet)
    top = sheet.height - MARGIN - 2 * (TILE + GAP)
    for row in range(2):
        middle = top + row * (TILE + GAP) + TILE // 2
        assert (pixels[middle, MARGIN + TILE // 2] == images[row][0, 0]).all()
    shown = pixels[top : top + TILE : 2, MARGIN + TILE + GAP : MARGIN + 2 * TILE + GAP : 2]
    assert np.array_equal(shown, colourise(ramp.astype(np.float32), "gray", symmetric=False))


def test_maps_of_zeros_are_called_so(written):
    empty, image = np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)
    gallery([image] * 2, {"one": [empty, empty + np.eye(4)], "two": [np.eye(4), np.eye(4)]})
    assert [text for _, text in written] == ["input", "one", "zero map", "two"]


@pytest.mark.parametrize("maps", [{}, {"one": [np.zeros((4, 4))]}])
def test_every_image_needs_its_maps(maps):
    with pytest.raises(ValueError, match="`maps` must hold one map for each of the 2 images"):
        gallery([np.zeros((4, 4, 3), np.uint8)] * 2, maps)
