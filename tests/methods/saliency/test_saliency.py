"""Classical methods through `pyxai.explain`, the engine and the command line: no model, any sizes."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai import saliency
from pyxai.engine import InputError, Job, run
from pyxai.engine.status import OK, UNREADABLE
from pyxai.engine.store.sizes import SizedRun
from tests.engine.conftest import assert_same_arrays, fill_folder, picture

ROOT = Path(__file__).resolve().parents[3]


def command(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "pyxai", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="session")
def mixed(tmp_path_factory) -> Path:
    """Five pictures of 20x20, three of 24x30, one pixel, one column, and one that is cut off."""
    folder = fill_folder(tmp_path_factory.mktemp("mixed"), 5, 20)
    for number in range(3):
        picture(number, 30).crop((0, 0, 30, 24)).save(folder / f"wide{number}.png")
    picture(9, 20).crop((0, 0, 1, 1)).save(folder / "pixel.png")
    picture(9, 20).crop((0, 0, 1, 20)).save(folder / "column.png")
    whole = (folder / "even" / "0000.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder


def test_command_line_without_a_model(tmp_path):
    folder = fill_folder(tmp_path / "photos", 70)
    out = command(
        "explain", "--data", folder, "--method", "spectral_residual", "--set", "variant=opencv",
        "--out", tmp_path / "run.zarr", "--quiet",
    )  # fmt: skip
    assert "70 of 70 done, 0 failed" in out and "evaluations" not in out
    stored = pyxai.open(tmp_path / "run.zarr")
    assert stored.manifest["model"] is None and stored.manifest["options"]["variant"] == "opencv"
    images = torch.stack([torch.from_numpy(stored.image(row)).permute(2, 0, 1) / 255 for row in (0, 69)])
    expected = saliency.spectral_residual(images, variant="opencv")
    torch.testing.assert_close(torch.cat([stored[0].heatmap(), stored[69].heatmap()]), expected)
    command("render", tmp_path / "run.zarr", "--out", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 1000


def test_pictures_of_several_sizes(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual")
    summary = run(job)
    assert (summary.images, summary.done, summary.failed) == (11, 11, 1)
    stored = pyxai.open(job.out)
    assert isinstance(stored, SizedRun) and len(stored) == 11 and stored.complete
    assert stored.paths == sorted(stored.paths)
    assert set(stored.runs) == {(20, 20), (24, 30), (1, 1), (20, 1)}
    for row, path in enumerate(stored.paths):
        if path == "cut.png":
            assert stored.status[row] == UNREADABLE
            assert [(error["row"], error["path"]) for error in stored.errors] == [(row, path)]
            continue
        image = np.asarray(Image.open(mixed / path).convert("RGB"))
        assert stored.status[row] == OK and np.array_equal(stored.image(row), image)
        expected = saliency.spectral_residual(torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255)
        torch.testing.assert_close(stored[row].heatmap(), expected)
    with pytest.raises(ValueError, match="runs"):
        stored[0:2]
    command("render", job.out, "--index", "0:11", "--out", tmp_path / "sheet.png")


def test_several_sizes_are_continued(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual")
    run(job)
    with pytest.raises(InputError, match="exists: continue it with --resume"):
        run(job)
    again = Job(**{**job.__dict__, "resume": True})
    assert run(again).rows == 0
    half = Job(**{**job.__dict__, "out": tmp_path / "half.zarr"})
    stop = Job(**{**half.__dict__, "strict": True})
    with pytest.raises(Exception, match="--strict"):
        run(stop)
    with pytest.raises(InputError, match="has not begun"):
        pyxai.open(half.out)
    run(Job(**{**half.__dict__, "resume": True}))
    for size in pyxai.open(job.out).runs:
        folder = "x".join(map(str, size))
        assert_same_arrays(job.out / folder, half.out / folder)


def test_other_pictures_are_not_continued(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual", resume=True)
    run(job)
    other = fill_folder(tmp_path / "other", 3, 20)
    picture(1, 30).save(other / "large.png")
    with pytest.raises(InputError, match="made differently"):
        run(Job(**{**job.__dict__, "data": other}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "tests/engine/tiny.py:net"}, "looks at the images alone: leave out --model and --target"),
        ({"target": 3}, "looks at the images alone"),
        ({"method": "gradient"}, "gradient explains a model: name it with --model"),
        ({"options": {"size": 1}}, "^spectral_residual: `size` must be a whole number of at least 2, got 1"),
        ({"preprocess": {"mean": (0.5,)}}, r"`images` must lie in \[0, 1\]"),
        ({"method": "spectral"}, "did you mean 'spectral_residual'"),
    ],
)
def test_refusals(mixed, tmp_path, changes, message):
    settings = {"model": None, "data": mixed, "out": tmp_path / "run.zarr", "method": "spectral_residual"}
    with pytest.raises(InputError, match=message):
        run(Job(**settings | changes))
