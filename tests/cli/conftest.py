"""The command line in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyxai.cli import main
from tests.engine.conftest import TINY, _one_thread, fill_folder  # noqa: F401  the fixture holds here too


@pytest.fixture(scope="session")
def photos(tmp_path_factory) -> Path:
    """70 pictures of 12x12 in two class folders. Not to be written to."""
    return fill_folder(tmp_path_factory.mktemp("cli"), 70)


@pytest.fixture
def pyxai(monkeypatch, capsys, tmp_path):
    """Run the command line in this process and a folder of its own: exit code, standard output and error."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pyxai", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        printed = capsys.readouterr()
        return exit_.value.code, printed.out, printed.err

    return call


@pytest.fixture
def explain(pyxai, photos):
    """`pyxai explain` with a model, data and a store; keywords replace or add options."""

    def call(*flags: str, **options: object) -> tuple[int, str, str]:
        chosen = {"model": f"{TINY}:net", "data": photos, "out": "run.zarr", "method": "gradient", **options}
        pairs = [part for name, value in chosen.items() for part in (f"--{name.replace('_', '-')}", value)]
        return pyxai("explain", *pairs, "--quiet", *flags)

    return call
