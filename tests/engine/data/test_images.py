"""The images of a run have one shape, or it is said which shapes they have."""

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.data.images import find_images, names_by_size
from pyxai.engine.data.sources import open_source
from tests.engine.conftest import fill_folder, picture


@pytest.fixture
def folder(tmp_path):
    """Four pictures of 12x12, of which the first in order cannot be read."""
    fill_folder(tmp_path, 4)
    (tmp_path / "a.png").write_bytes(b"nothing")
    return tmp_path


def test_names_ids_shape_and_the_first_that_can_be_read(folder):
    images = find_images(folder, Preprocess())
    assert images.names == ["a.png", "even/0000.png", "even/0002.png", "odd/0001.png", "odd/0003.png"]
    np.testing.assert_array_equal(images.ids, sample_ids(images.names))
    assert (images.shape, images.first) == ((3, 12, 12), 1)
    np.testing.assert_array_equal(images.pixels, np.asarray(picture(0)).transpose(2, 0, 1))
    assert find_images(folder, Preprocess(channels="L", resize=8)).shape == (1, 8, 8)


def test_some_of_the_pictures(folder):
    images = find_images(folder, Preprocess(), names=["odd/0003.png"])
    assert (images.names, images.first) == (["odd/0003.png"], 0)
    unread = find_images(folder, Preprocess(), (3, 12, 12), ["a.png"])
    assert (unread.first, unread.shape, bool(unread.pixels.any())) == (0, (3, 12, 12), False)
    assert images.listing != unread.listing


def test_pictures_by_size(folder):
    Image.new("RGB", (20, 10)).save(folder / "wide.png")
    source = open_source(folder)
    sizes = names_by_size(source, source.names(), Preprocess())
    assert {size: len(names) for size, names in sizes.items()} == {None: 1, (12, 12): 4, (10, 20): 1}
    assert set(names_by_size(source, source.names(), Preprocess(resize=6))) == {None, (6, 6), (6, 12)}


def test_several_sizes_are_refused_but_a_pixel_is_no_size(folder):
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    assert find_images(folder, Preprocess()).shape == (3, 12, 12)
    Image.new("RGB", (20, 10)).save(folder / "wide.png")
    with pytest.raises(InputError, match=r"2 sizes \(4 of 12x12, 1 of 10x20\): use --resize and --crop"):
        find_images(folder, Preprocess())
    whole = (folder / "wide.png").read_bytes()
    (folder / "wide.png").write_bytes(whole[:50])  # a header without a picture is no size either
    assert find_images(folder, Preprocess()).shape == (3, 12, 12)
    (folder / "wide.png").write_bytes(whole)
    with pytest.raises(InputError, match=r"use --crop$"):
        find_images(folder, Preprocess(resize=6))
    assert find_images(folder, Preprocess(resize=6, crop=6)).shape == (3, 6, 6)


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"none of the 1 images in .* can be used \(a\.png: not a picture"):
        find_images(tmp_path, Preprocess())
