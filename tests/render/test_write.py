"""Pictures written to files."""

import pytest
import torch
from PIL import Image

import pyxai
from pyxai.render.write import check_ending, write
from tests.engine import tiny

PICTURE = Image.new("RGB", (4, 3), "red")


@pytest.mark.parametrize("name", ["a.png", "a.JPG", "a.webp", "a.tif", "a.bmp", "a.gif"])
def test_formats_go_by_the_ending(tmp_path, name):
    write(PICTURE, tmp_path / name)
    assert Image.open(tmp_path / name).size == (4, 3)


@pytest.mark.parametrize("name", ["e", "e.txt", "e.npy", ".png", "e."])
def test_other_endings_are_one_line_with_those_there_are(tmp_path, name):
    for check in (check_ending, lambda path: write(PICTURE, path)):
        with pytest.raises(ValueError, match=r"^`path` must end in \.png, \.jpg, .* got '.*'$"):
            check(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*no/dir"):
        write(PICTURE, tmp_path / "no" / "dir" / "e.png")


def test_an_explanation_is_not_drawn_in_vain(tmp_path, monkeypatch):
    found = pyxai.explain(tiny.net(), torch.rand(1, 3, 12, 12), "gradient")
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        found.save(tmp_path / "no" / "e.png")
    monkeypatch.setattr("pyxai.render.sheet_of", None)
    with pytest.raises(ValueError, match="`path` must end in"):
        found.save(tmp_path / "e")
