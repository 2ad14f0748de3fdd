"""Class names from files."""

import json
import os

import pytest

from pyxai.render import read_class_names


def test_class_names(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["cat", "dog"]))
    (tmp_path / "b.json").write_text(json.dumps({"1": "dog", "0": ["n01", "cat"]}))
    (tmp_path / "c.txt").write_text("cat\ndog\n")
    for name in ("a.json", "b.json", "c.txt"):
        assert read_class_names(tmp_path / name) == {0: "cat", 1: "dog"}
    (tmp_path / "d.json").write_text("{")
    (tmp_path / "f.json").write_text(json.dumps({"0": {"name": "cat"}}))
    (tmp_path / "g.json").write_text(json.dumps(["cat", None]))
    (tmp_path / "h.json").write_text("[" * 10**5)
    (tmp_path / "i.json").write_text("3")
    (tmp_path / "j.json").write_text(json.dumps({"cat": 0}))
    (tmp_path / "k.txt").write_bytes(b"\xff\xfe")
    with open(tmp_path / "l.txt", "wb") as file:
        file.truncate(2**30)
    os.mkfifo(tmp_path / "m.txt")
    for name in ("d.json", "e.json", *(path.name for path in tmp_path.glob("[f-m].*"))):
        with pytest.raises(ValueError, match="cannot read the class names"):
            read_class_names(tmp_path / name)
