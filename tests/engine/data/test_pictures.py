"""A file becomes pixels: only of kinds that are pictures, within bounds, and as its header says."""

import io

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

from pyxai.engine.data.limits import Limits
from pyxai.engine.data.pictures import FORMATS, channels_of, pixels_of, size_of
from pyxai.engine.data.preprocess import Preprocess

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def stored(kind, image=None):
    file = io.BytesIO()
    (image or Image.fromarray(PIXELS)).save(file, kind)
    file.seek(0)
    return file


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_kinds_without_loss_come_as_they_were(kind):
    assert (size_of(stored(kind), Limits()), channels_of(stored(kind), Limits())) == ((5, 7), 3)
    found = pixels_of(stored(kind), Preprocess(), Limits())
    np.testing.assert_array_equal(found, PIXELS.transpose(2, 0, 1))


def test_of_a_palette_there_are_three_channels():
    assert channels_of(stored("PNG", Image.fromarray(PIXELS).quantize(8)), Limits()) == 3


def pixels(file, limits):
    return pixels_of(file, Preprocess(), limits)


@pytest.mark.parametrize("read", [size_of, channels_of, pixels])
def test_more_pixels_than_are_allowed_are_not_decoded(read):
    with pytest.raises(ValueError, match="5x7 pixels are more than 34: see --max-pixels"):
        read(stored("PNG"), Limits(pixels=34))
    read(stored("PNG"), Limits(pixels=35))


@pytest.mark.parametrize("kind", ["EPS", "PDF", "ICO"])
def test_other_kinds_that_pillow_knows_are_no_pictures(kind):
    assert kind not in FORMATS
    with pytest.raises(UnidentifiedImageError):
        pixels_of(stored(kind), Preprocess(), Limits())
