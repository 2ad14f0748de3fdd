"""A store's files may come from anyone."""

import json
import os

import pytest

from pyxai.engine.store import files
from pyxai.engine.store.files import append, json_lines, open_regular, read_json, why


@pytest.fixture(params=["link", "folder", "pipe", "nothing", "device"])
def no_file(request, tmp_path):
    path = tmp_path / "file"
    (tmp_path / "real").write_text("{}")
    if request.param == "link":
        path.symlink_to(tmp_path / "real")
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        path.symlink_to("/dev/zero")
    return path


def test_what_is_no_regular_file_is_not_read_or_waited_for(no_file):
    for read in (open_regular, read_json, lambda path: list(json_lines(path))):
        with pytest.raises(OSError, match="file") as error:
            read(no_file)
        assert why(error.value).startswith("file: ")
    before = (no_file.parent / "real").read_text()
    if no_file.exists():
        with pytest.raises(OSError, match="file"):
            append(no_file, [{"row": 1}])
    assert (no_file.parent / "real").read_text() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no JSON"),
        ('{"a": ', "no JSON"),
        ("[" * 10**6, "nested too deeply"),
        ('{"a":' * 70 + "1" + "}" * 70, "nested too deeply"),
        ("9" * 5000, "no JSON"),
    ],
)
def test_garbage_is_a_value_error_in_one_line(tmp_path, text, message):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ValueError, match=rf"^x\.json is {message}") as error:
        read_json(tmp_path / "x.json")
    assert len(why(error.value).splitlines()) == 1


def test_bytes_that_are_no_text_and_files_without_end(tmp_path, monkeypatch):
    (tmp_path / "x.json").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(ValueError, match="no JSON"):
        read_json(tmp_path / "x.json")
    monkeypatch.setattr(files, "MOST_JSON", 100)
    (tmp_path / "x.json").write_text(json.dumps("a" * 99))
    with pytest.raises(ValueError, match="larger than 100 bytes"):
        read_json(tmp_path / "x.json")
    (tmp_path / "x.json").write_text(json.dumps({"a": [{"b": 1.5}, None, "c"]}))
    assert read_json(tmp_path / "x.json") == {"a": [{"b": 1.5}, None, "c"]}


def test_lines_that_are_torn_or_without_end_are_told_apart_from_whole_ones(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MOST_LINE", 50)
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"row": 1}\n[2]\n{"row": 3, "pa' + b"x" * 120 + b"\n" + b"[" * 49 + b'\n{"row": 4}\n')
    found = list(json_lines(path))
    assert [entry for entry in found if entry] == [{"row": 1}, {"row": 4}]
    assert found.count(None) >= 3


def test_lines_are_appended_behind_a_torn_one(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"row": 1}\n{"ro')
    append(path, [{"row": 2}, {"row": 3}])
    assert [entry for entry in json_lines(path) if entry] == [{"row": 1}, {"row": 2}, {"row": 3}]


def test_what_keeps_a_line_from_being_written_is_the_error(tmp_path, run_python):
    program = f"""
import pathlib, resource
from pyxai.engine.store.files import append
path = pathlib.Path({str(tmp_path / "x.jsonl")!r})
append(path, [{{"row": 1}}])
resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))
try:
    append(path, [{{"row": 2, "path": "a name that is long"}}])
except OSError as error:
    print(error.strerror)
"""
    assert run_python(program) == "File too large\n"
