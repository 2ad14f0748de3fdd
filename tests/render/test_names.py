"""Class names from files."""

import json

import pytest

from pyxai.render import read_class_names


def test_class_names(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps(["cat", "dog"]))
    (tmp_path / "b.json").write_text(json.dumps({"1": "dog", "0": ["n01", "cat"]}))
    (tmp_path / "c.txt").write_text("cat\ndog\n")
    for name in ("a.json", "b.json", "c.txt"):
        assert read_class_names(tmp_path / name) == {0: "cat", 1: "dog"}
    (tmp_path / "d.json").write_text("{")
    for name in ("d.json", "e.json"):
        with pytest.raises(ValueError, match="cannot read the class names"):
            read_class_names(tmp_path / name)
