"""``pyxai render``: a sheet of a store, and one line for what cannot be drawn."""

from pathlib import Path

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
        (["--out", "sheet.xyz"], "`path` must end in .png, .jpg, "),
        (["--out", "sheet.png", "--each", "each"], "--out is a sheet, --each are overlays in its place"),
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


def test_rows_that_are_left_out_are_counted(explain, pyxai, tmp_path):
    folder = fill_folder(tmp_path / "photos", 3)
    (folder / "even" / "0000.png").write_bytes(b"\x89PNG cut off")
    assert explain(data=folder)[0] == 3
    told = "pyxai: left out 1 of 3 rows: 1 unreadable; why: run.zarr/errors.jsonl\n"
    assert pyxai("render", "run.zarr") == (0, "sheet.png\n", told)
    assert pyxai("render", "run.zarr", "--each", "each") == (0, "2 overlays in each\n", told)
    assert pyxai("render", "run.zarr", "--each", "one", "--index", 1) == (0, "1 overlay in one\n", "")
    code, _, err = pyxai("render", "run.zarr", "--index", 0)
    assert (code, err) == (2, "pyxai: --index 0 has no explained image in it: 1 unreadable\n")


def test_a_run_that_is_not_finished_is_called_so(explain, pyxai):
    assert explain("--shard", "1/2")[0] == 0
    code, _, err = pyxai("render", "run.zarr", "--index", "60:66")
    assert code == 0 and err.splitlines() == [
        "pyxai: left out 4 of 6 rows: 4 pending",
        "pyxai: run.zarr is not finished, 64 of 70 rows are pending: continue with --resume",
    ]


def test_render_says_when_the_pictures_are_gone(explain, pyxai, tmp_path):
    folder = fill_folder(tmp_path / "photos", 3)
    assert explain(data=folder)[0] == 0
    folder.rename(tmp_path / "elsewhere")
    code, _, err = pyxai("render", "run.zarr")
    assert code == 2
    assert f"no such file or folder: {folder}" in err


def test_an_overlay_of_each_image(store, pyxai):
    code, out, err = pyxai("render", store, "--each", "overlays")
    files = sorted(Path("overlays").iterdir())
    assert (code, out, err) == (0, "70 overlays in overlays\n", "") and len(files) == 70
    assert files[3].name == "03-even_0006.png" and Image.open(files[3]).size == (12, 12)
    rows = ["--index", "3,8", "--size", 90, "--percentile", 90, "--cmap", "gray"]
    assert pyxai("render", store, "--each", "some", *rows)[0] == 0
    files = sorted(Path("some").iterdir())
    assert [file.name[:2] for file in files] == ["03", "08"]
    assert {Image.open(file).size for file in files} == {(90, 90)}
    assert pyxai("render", store, "--each", "other", *rows[:4])[0] == 0
    assert files[0].read_bytes() != (Path("other") / files[0].name).read_bytes()
    code, _, err = pyxai("render", store, "--size", 90)
    assert (code, err) == (2, "pyxai: --size is of the overlays that --each writes\n")
    code, _, err = pyxai("render", store, "--each", files[0])
    assert code == 2 and err.startswith(f"pyxai: cannot write {files[0]}")


def test_overlays_of_several_targets_are_told_apart(explain, pyxai, tmp_path):
    folder = fill_folder(tmp_path / "photos", 2)
    (folder / "even" / "0000.png").rename(folder / "even" / "a b.c:d?.png")
    Path("names.txt").write_text("cat\nsea/lion\ncup\npen\ntree")
    code, _, err = explain("--classes", "names.txt", data=folder, target="sea/lion,cup,1")
    assert (code, engine.open("run.zarr")[0].target.tolist()) == (0, [[1, 2, 1]]), err
    assert pyxai("render", "run.zarr", "--each", "each")[0] == 0
    found = sorted(path.name for path in Path("each").iterdir())
    assert found[:3] == [
        "0-0-sea_lion-even_a_b_c_d.png",
        "0-1-cup-even_a_b_c_d.png",
        "0-2-sea_lion-even_a_b_c_d.png",
    ]
    assert found[3:] == ["1-0-sea_lion-odd_0001.png", "1-1-cup-odd_0001.png", "1-2-sea_lion-odd_0001.png"]


def test_percentile_and_names_of_the_run_reach_the_sheet(explain, pyxai):
    Path("names.txt").write_text("cat\nsea\ncup\npen\ntree")
    assert explain("--classes", "names.txt", target="cup")[0] == 0
    run = engine.open("run.zarr")
    assert run.class_names[1] == "sea" and run[0].class_names == run.class_names
    pictures = {}
    for name, flags in (("a", []), ("b", ["--percentile", 80]), ("c", ["--classes", "others.txt"])):
        Path("others.txt").write_text("1\n2\n3")
        assert pyxai("render", "run.zarr", "--index", "0", "--out", f"{name}.png", *flags)[0] == 0
        pictures[name] = Path(f"{name}.png").read_bytes()
    assert len(set(pictures.values())) == 3
