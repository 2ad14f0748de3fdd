"""What the command line takes where nothing is said is what Python takes: every option that both have."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path

import pytest

import pyxai as package
from pyxai import bench, render
from pyxai.dxai.training import Recipe
from pyxai.engine import Job
from pyxai.engine.decomposition import evaluate, train
from pyxai.engine.runner import run
from pyxai.engine.store import sheet
from tests.engine.conftest import fill_folder


class Heard(BaseException):
    """A command reached the function that it is made for."""


@pytest.fixture
def heard(pyxai, monkeypatch):
    """Run a command up to a function of Python's: the arguments that it is called with, by name."""

    def call(place: str, function, *arguments: object) -> dict:
        found = {}

        def listen(*given, **options):
            bound = inspect.signature(function).bind(*given, **options).arguments
            found.update(bound | bound.pop("options", {}) | bound.pop("recipe", {}))
            raise Heard

        with monkeypatch.context() as patch:
            patch.setattr(place, listen)
            with pytest.raises(Heard):
                pyxai(*arguments)
        return found

    return call


def defaults(place) -> dict:
    """Name to default of what a function, a class or a dataclass takes."""
    if dataclasses.is_dataclass(place):
        fields = dataclasses.fields(place)
        made = {f.name: f.default_factory() for f in fields if f.default_factory is not dataclasses.MISSING}
        return made | {f.name: f.default for f in fields if f.default is not dataclasses.MISSING}
    parameters = inspect.signature(place).parameters.values()
    return {one.name: one.default for one in parameters if one.default is not one.empty}


def assert_same(given: dict, *places) -> set[str]:
    """The names that ``given`` shares with the arguments of ``places``, whose defaults must be these."""
    shared = set()
    for place in places:
        known = defaults(place)
        names = given.keys() & known.keys()
        assert {name: given[name] for name in names} == {name: known[name] for name in names}
        shared |= names
    return shared


def test_explain(heard):
    found = heard("pyxai.engine.runner.run.run", run.run, "explain", "--data", "a", "--out", "b")
    job, wanted = vars(found["job"]), vars(Job(None, Path("a"), Path("b")))
    assert job == wanted
    # class_names of a job are those of a file, else the model's, as without any in Python; its preprocess
    # changes the model's own: tests/test_explainer.py compares what comes of it with Python's
    shared = {name: value for name, value in job.items() if name not in ("class_names", "preprocess")}
    names = assert_same(shared, package.Explainer, package.explain)
    assert names >= {"method", "target", "output", "output_kind", "rows", "precision"}


def test_bench(heard):
    found = heard("pyxai.bench.run", bench.run, "bench")
    assert assert_same(found, bench.run, package.Explainer) >= {"method", "rows", "precision", "rounds"}


def test_render(heard, pyxai, tmp_path):
    Path("photos").mkdir()
    package.engine.run(Job(None, fill_folder(Path("photos"), 2), "run.zarr", "entropy"))
    found = heard("pyxai.engine.store.sheet.draw", sheet.draw, "render", "run.zarr")
    found["classes"] = found["classes"] or None
    del found["path"]  # a file in the working folder, where a function writes none unless it is told
    names = assert_same(found, sheet.draw, render.contact_sheet, render.overlay, render.sheet_of)
    assert names >= {"cmap", "percentile"}
    found = heard("pyxai.engine.store.sheet.draw_each", sheet.draw_each, "render", "run.zarr", "--each", "x")
    found["classes"] = found["classes"] or None
    assert assert_same(found, sheet.draw_each, render.overlay) >= {"cmap", "percentile", "size"}


def test_decompositions(heard):
    command = ["dxai", "train", "--data", "a", "--out", "b"]
    found = heard("pyxai.engine.decomposition.train.begin", train.begin, *command)
    del found["data"]  # of a recipe it is the identity of what is given
    names = assert_same(found, train.begin, Recipe)
    assert names >= {"objective", "rate", "decay", "seed", "image_size", "grey", "evaluation", "branches"}
    command = ["dxai", "evaluate", "--run", "a", "--data", "b"]
    found = heard("pyxai.engine.decomposition.evaluate.evaluate", evaluate.evaluate, *command)
    assert assert_same(found, evaluate.evaluate) >= {"limit", "rows", "labels", "signed", "evaluation"}


def test_a_difference_would_be_seen():
    with pytest.raises(AssertionError):
        assert_same({"percentile": 99.0}, render.overlay)
