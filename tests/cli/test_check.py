"""``pyxai check``: one line for each fault, exit code 1; one line where all is whole."""

import os

import pytest

from tests.engine.conftest import flip, made_store


@pytest.fixture
def store(tmp_path):
    return made_store(tmp_path / "run.zarr").path


def test_a_whole_store_is_one_line(store, pyxai):
    assert pyxai("check", store) == (0, f"{store} is whole: 100 ok\n", "")


def test_faults_are_lines_and_marked_rows_pending(store, pyxai):
    flip(store / "heatmap" / "c" / "0" / "0" / "0")
    os.unlink(store / "score" / "c" / "1")
    code, out, err = pyxai("check", store)
    assert code == 1
    assert out.splitlines() == [
        "rows 0 to 63: `heatmap` is damaged: its checksum is another",
        "rows 64 to 99: `score` is missing",
    ]
    cure = "`pyxai check --mark` and then `pyxai explain --resume` do these rows again"
    assert err == f"pyxai: {store} is damaged: {cure}\n"
    code, _, err = pyxai("check", "--mark", store)
    assert (code, "100 rows are pending now" in err) == (1, True)
    assert pyxai("check", store) == (0, f"{store} is whole: 100 pending\n", "")


def test_what_is_no_store(pyxai):
    code, out, err = pyxai("check", "nothing.zarr")
    assert (code, out) == (2, "")
    assert err == "pyxai: nothing.zarr is not a run of pyxai: manifest.json: No such file or directory\n"
