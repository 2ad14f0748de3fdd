"""Cells of long experiments: what is done is not done again, and what is half written is not there."""

import json

import pytest

from benchmarks.cells import Cells, begin, command, write


def test_a_cell_is_made_once(tmp_path):
    made = []

    def make():
        made.append(1)
        return {"value": len(made)}

    cells = Cells(tmp_path / "cells", {"steps": 3})
    assert cells.stored("a/b") is None
    assert cells.get("a/b", make) == {"value": 1}
    assert Cells(tmp_path / "cells", {"steps": 3}).get("a/b", make) == {"value": 1} == cells.stored("a/b")
    assert made == [1]


def test_a_cell_that_is_not_done_leaves_nothing(tmp_path):
    cells = Cells(tmp_path, {})
    with pytest.raises(ZeroDivisionError):
        cells.get("broken", lambda: 1 / 0)
    with pytest.raises(TypeError):
        cells.get("broken", lambda: object())
    assert cells.stored("broken") is None


def test_other_settings_are_refused(tmp_path):
    Cells(tmp_path, {"steps": 3, "seeds": 1})
    with pytest.raises(SystemExit, match="other settings: seeds, steps; choose another --cells"):
        Cells(tmp_path, {"steps": 4})


def test_a_file_is_whole(tmp_path):
    write(tmp_path / "folder" / "a.json", "[1]")
    write(tmp_path / "folder" / "a.json", "[2]")
    assert json.loads((tmp_path / "folder" / "a.json").read_text()) == [2]
    assert [path.name for path in (tmp_path / "folder").iterdir()] == ["a.json"]


def test_missing_data_are_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYXAI_TEST_DATA", "")
    arguments = ["--data", str(tmp_path / "nowhere")]
    with pytest.raises(SystemExit) as end:
        begin(command("What it does.", "some", data=True).parse_args(arguments))
    error = capsys.readouterr().err
    assert end.value.code == 2 and error.count("\n") == 1 and "nowhere" in error
    begin(command("What it does.", "some").parse_args([]))
