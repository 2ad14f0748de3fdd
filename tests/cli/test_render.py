"""``pyxai render``: a sheet of a store, and one line for what cannot be drawn."""

import pytest
from PIL import Image

from pyxai import engine
from pyxai.engine import Job
from tests.engine.conftest import TINY, fill_folder


@pytest.fixture(scope="module")
def store(photos, tmp_path_factory):
    """A run on the photos. Not to be written to."""
    out = tmp_path_factory.mktemp("render") / "run.zarr"
    return engine.run(Job(f"{TINY}:net", photos, out, "gradient")).store


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--index", "70"], "--index 70 is not in the run, which has rows 0 to 69"),
        (["--index", "a:b"], "--index must be like"),
        (["--index", "80:90"], "has no explained image"),
        (["--cmap", "viridis"], "`cmap` must be one of"),
        (["--classes", "nothing.json"], "cannot read the class names nothing.json"),
        (["--out", "nowhere/sheet.png"], "cannot write nowhere/sheet.png"),
        (["--out", "sheet.xyz"], "unknown file extension: .xyz"),
    ],
)
def test_bad_requests(store, pyxai, arguments, message):
    code, out, err = pyxai("render", store, *arguments)
    assert (code, out) == (2, "")
    assert message in err.strip().splitlines()[-1]


def test_what_is_no_store(pyxai):
    code, _, err = pyxai("render", "nothing.zarr")
    assert (code, "nothing.zarr is not a run of pyxai" in err) == (2, True)


def test_rows_that_are_named_and_a_sheet_of_them(store, pyxai):
    assert pyxai("render", store, "--index", "3,8", "--out", "two.png") == (0, "two.png\n", "")
    assert pyxai("render", store, "--index", "0:4", "--out", "four.png", "--cmap", "gray")[0] == 0
    assert Image.open("two.png").size < Image.open("four.png").size


def test_render_says_when_the_pictures_are_gone(explain, pyxai, tmp_path):
    folder = fill_folder(tmp_path / "photos", 3)
    assert explain(data=folder)[0] == 0
    folder.rename(tmp_path / "elsewhere")
    code, _, err = pyxai("render", "run.zarr")
    assert code == 2
    assert f"no such file or folder: {folder}" in err
