"""The experiments run, on pictures as small as can be; what they draw is looked at by people."""

import importlib
import re
import sys

import pytest
import torch

import pyxai
from pyxai import engine
from pyxai.engine import Job
from tests.engine import tiny
from tests.engine.conftest import fill_folder

MODEL = f"{tiny.__file__}:prepared_net"
BUDGET = ("--levels", 2, "--steps", 2, "--samples", 2)


@pytest.fixture
def run(monkeypatch, capsys):
    """A function that runs a script with arguments and returns what it printed."""

    def call(script, *arguments):
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        importlib.import_module(f"examples.rde.{script}").main()
        return capsys.readouterr().out

    return call


@pytest.fixture
def photos(tmp_path):
    return fill_folder(tmp_path / "photos", 3, size=32)


def on(photos, tmp_path):
    return "--model", MODEL, "--data", photos, "--out", tmp_path / "out", *BUDGET


def test_polar(run, tmp_path):
    """Figure 2 in numbers: only the angle, kept, costs nothing."""
    *lines, path = run("polar", "--out", tmp_path).splitlines()
    costs = dict(line.split(" kept: expected distortion ") for line in lines)
    assert float(costs.pop("polar, angle")) == 0
    assert all(float(value) > 0.05 for value in costs.values())
    assert path == str(tmp_path / "polar.png") and (tmp_path / "polar.png").is_file()


@pytest.mark.parametrize(
    ("script", "pictures"),
    [
        ("compression", {"compression"}),
        (
            "sensitivity",
            {"price_cartoonx", "price_pixel_rde", "rate_distortion", "obfuscation", "distortion"},
        ),
        ("artefact", {"artefact"}),
        ("galleries", {"gallery"}),
    ],
)
def test_script(script, pictures, run, photos, tmp_path):
    printed = run(script, *on(photos, tmp_path), "--count", 2)
    made = list((tmp_path / "out").glob("*.png"))
    assert {path.stem for path in made} == pictures
    assert all(str(path) in printed for path in made)


def test_only_what_the_model_gets_wrong(run, photos, tmp_path, monkeypatch):
    """Labels are of all pictures, whichever are taken; without a file, names begin with them."""
    monkeypatch.setattr("examples.rde.galleries.OTHERS", {})
    arguments = *on(photos, tmp_path), "--wrong"
    file = tmp_path / "labels.txt"

    def found(*labels, every=1):
        file.write_text("\n".join(map(str, labels)))
        *lines, path = run("galleries", *arguments, "--labels", file, "--every", every).splitlines()
        assert path == str(tmp_path / "out" / "wrong.png")
        return dict(line.split(": taken for ") for line in lines)

    taken = found(-1, -1, -1)
    first, second, third = (int(value) for value in taken.values())
    assert list(found(first, -1, third)) == ["even/0002.png"]
    assert list(found(first, -1, -1, every=2)) == ["odd/0001.png"]
    with pytest.raises(SystemExit, match=r"labels\.txt has 2 classes for 3 pictures"):
        found(first, second)
    with pytest.raises(SystemExit, match="the model gets none of these pictures wrong"):
        found(first, second, third)

    (photos / "even/0000.png").rename(photos / f"even/{first}_a.png")
    (photos / "even/0002.png").rename(photos / f"even/{second}_b.png")
    (photos / "odd/0001.png").rename(photos / f"odd/{third + 1}_c.png")
    assert f"odd/{third + 1}_c.png: taken for {third}" in run("galleries", *arguments)
    (photos / f"odd/{third + 1}_c.png").rename(photos / "odd/cat.png")
    with pytest.raises(SystemExit, match=r"--wrong needs --labels: odd/cat.png does not begin with"):
        run("galleries", *arguments)
    assert "odd/cat.png: taken for" in run("galleries", *arguments[:-1])


def test_summary(run, photos, tmp_path):
    """What two runs of `pyxai explain` hold, in quantiles, and a sheet."""
    stores = []
    for method, own in (("cartoonx", {"wavelet": "haar", "levels": 2}), ("pixel_rde", {})):
        stores.append(tmp_path / f"{method}.zarr")
        options = {"steps": 3, "samples": 2} | own
        assert engine.run(Job(MODEL, photos, stores[-1], method, options=options)).failed == 0
    sheet = tmp_path / "sheet.png"
    printed = run("summary", *stores, "--out", sheet, "--count", 2)
    assert sheet.is_file() and printed.splitlines()[-1] == str(sheet)
    for store in stores:
        kept = torch.quantile(pyxai.open(store)[0:3].extras["kept"].double(), 0.5)
        part = printed[printed.index(f"{store.stem}, 3 images") :]
        assert f"50 % {kept:.3f}" in part[part.index("  kept:") : part.index("  detail")]
        counts = [int(count) for count in re.findall(r"of (\d+) with p", part)[:2]]
        sure = (pyxai.open(store)[0:3].extras["image_probability"] >= 0.5).sum()
        assert counts == [sure, 3 - sure]
