"""The demonstration from end to end."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import sys
import types

import numpy as np
import pytest
from PIL import Image

from pyxai import demo
from pyxai.demo import pictures
from pyxai.engine import InputError

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "skimage")),
    reason="needs scikit-learn and scikit-image",
)


def test_demonstration_runs_twice_into_the_same_folder(tmp_path, monkeypatch, capsys):
    """Small, but through the same code: pictures, engine, sheets, and a dozen lines with all of it."""
    for name, write, count in (("DIGITS", "write_digits", 6), ("PHOTOGRAPHS", "write_grids", 3)):
        few = functools.partial(getattr(pictures, write), count=count)
        monkeypatch.setattr(demo, name, dataclasses.replace(getattr(demo, name), write=few))
    monkeypatch.setattr(demo, "METHODS", {"saliency": {}, "integrated_gradients": {"steps": 8}})
    for _ in range(2):
        demo.run(tmp_path)
        printed = capsys.readouterr()
        assert not printed.err
        table = [line.split() for line in printed.out.splitlines() if line.startswith(("saliency", "integ"))]
        assert [(row[0], row[2] == row[4] == "-", row[5][-1]) for row in table] == [
            ("saliency", True, "%"),
            ("integrated_gradients", False, "%"),
        ]
        assert f"{tmp_path}/*.png" in printed.out
        heading = printed.out.splitlines()[2].removeprefix("method")
        for column in demo.COLUMNS:
            heading = heading.replace(column, "")
            assert f"\n{column}: " in printed.out
        assert not heading.strip()  # every column is explained
        assert len(printed.out.splitlines()) + 3 == 13  # there are three more methods
        assert max(map(len, printed.out.replace(str(tmp_path), "").splitlines())) <= 100
    for name, count in (("digits", 6), ("photographs", 3)):
        assert len(list((tmp_path / name).glob("*.png"))) == count
        for method in ("saliency", "integrated_gradients"):
            assert (demo.open(tmp_path / f"{name}-{method}.zarr").status == 1).all()
            assert Image.open(tmp_path / f"{name}-{method}.png").width > 500


def test_evidence_lies_where_the_photograph_is(tmp_path):
    """Integrated Gradients finds the right quarter of grids never seen: by chance it would be 25 %."""
    pictures.write_grids(tmp_path / "grids", 8)
    store = tmp_path / "run.zarr"
    demo.explain(
        demo.Job(demo.PHOTOGRAPHS.model, tmp_path / "grids", store, "integrated_gradients", {"steps": 16})
    )
    shares = demo.cell_shares(store)
    assert len(shares) >= 7
    assert np.mean(shares) > 0.5


@pytest.mark.parametrize(("package", "install"), [("sklearn", "scikit-learn"), ("skimage", "scikit-image")])
def test_missing_packages_are_one_sentence(tmp_path, monkeypatch, package, install):
    for name in ("sklearn", "skimage"):
        monkeypatch.setitem(sys.modules, name, None if name == package else types.ModuleType(name))
    with pytest.raises(InputError, match=f"^the demonstration needs {install}: pip install {install}$"):
        demo.run(tmp_path)


def test_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        demo.run(tmp_path / "file")
