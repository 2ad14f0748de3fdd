"""Names of classes from files, and names of files."""

import json
import os

import pytest

from pyxai.render import read_class_names
from pyxai.render.names import file_name


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("even/0003.png", "7-even_0003.png"),
        ("../../etc/passwd", "7-etc_passwd.png"),
        ("a.b/c", "7-a_b_c.png"),
        ("#12", "7-12.png"),
        ("grün/犬 1.JPEG", "7-grün_犬_1.png"),
        ("a\nb\x1b[0m\udcff.png", "7-a_b_0m.png"),
        ("...", "7-.png"),
    ],
)
def test_file_names_are_safe(path, name):
    assert file_name("7-", path) == name


def test_long_file_names_keep_their_end():
    name = file_name("7-", "犬" * 300 + "/end.png")
    assert name.startswith("7-犬") and name.endswith("犬_end.png") and len(name.encode()) < 200
