"""Pictures inside a page: their pixels and nothing else."""

import base64
import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from pyxai.report.pictures import LONGEST, data_uri
from tests.report.conftest import picture


def decoded(uri):
    head, _, body = uri.partition(";base64,")
    return head, Image.open(io.BytesIO(base64.b64decode(body)))


def test_small_pictures_keep_every_pixel(tmp_path):
    place = tmp_path / picture(tmp_path, "small.png", 40)
    head, found = decoded(data_uri(place))
    assert head == "data:image/png" and np.array_equal(np.asarray(found), np.asarray(Image.open(place)))


def test_large_pictures_become_smaller(tmp_path):
    Image.new("RGB", (1000, 500), (200, 30, 60)).save(tmp_path / "large.png")
    head, found = decoded(data_uri(tmp_path / "large.png"))
    assert head == "data:image/jpeg" and found.size == (LONGEST, LONGEST // 2)
    assert np.abs(np.asarray(found).astype(int) - (200, 30, 60)).max() < 4


def test_nothing_but_pixels_is_taken(tmp_path):
    note = PngImagePlugin.PngInfo()
    note.add_text("method", "the name of the method")
    Image.new("RGB", (9, 9)).save(tmp_path / "told.png", pnginfo=note)
    body = base64.b64decode(data_uri(tmp_path / "told.png").partition(",")[2])
    assert b"the name of the method" not in body


@pytest.mark.parametrize("content", [None, b"no picture", b"<svg xmlns='http://www.w3.org/2000/svg'/>"])
def test_what_is_no_picture(tmp_path, content):
    place = tmp_path / "x.png"
    if content:
        place.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read the picture .*x\.png"):
        data_uri(place)
