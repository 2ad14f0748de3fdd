"""Pictures in columns."""

import numpy as np
import pytest
from PIL import Image

from pyxai.render import picture_grid
from pyxai.render.sheet import GAP, MARGIN, TILE


def picture(level):
    return np.full((8, 8, 3), level, np.uint8)


def test_each_picture_stands_in_its_column_and_row(tmp_path):
    columns = {"one": [picture(10), picture(20)], "two": [picture(30), None]}
    sheet = picture_grid(columns, tmp_path / "g.png")
    assert Image.open(tmp_path / "g.png").size == sheet.size
    pixels, top = np.asarray(sheet), sheet.height - MARGIN - 2 * (TILE + GAP)

    def middle(column, row):
        return pixels[
            top + row * (TILE + GAP) + TILE // 2, MARGIN + column * (TILE + GAP) + TILE // 2
        ].tolist()

    assert [middle(0, 0), middle(0, 1), middle(1, 0)] == [[10] * 3, [20] * 3, [30] * 3]
    assert middle(1, 1) == [255] * 3


def test_headings_names_and_notes(written):
    plain = picture_grid({"a": [picture(0)] * 2})
    named = picture_grid(
        {"a": [picture(0)] * 2}, names=("first", "a name " * 30), notes={("a", 1): "nothing here"}
    )
    assert named.width - plain.width < 180  # long names are cut
    texts = [text for _, text in written]
    assert texts[:4] == ["a", "a", "nothing here", "first"] and texts[4].endswith("...")


@pytest.mark.parametrize(
    ("columns", "names", "message"),
    [
        ({}, (), "`columns` must hold as many pictures each, at least one, got none"),
        ({"a": []}, (), "got a: 0"),
        ({"a": [picture(0)], "b": []}, (), "got a: 1, b: 0"),
        ({"a": [picture(0)]}, ("x", "y"), "`names` must hold one for each of the 1 rows, got 2"),
    ],
)
def test_what_does_not_fit_is_refused(columns, names, message):
    with pytest.raises(ValueError, match=message):
        picture_grid(columns, names=names)
