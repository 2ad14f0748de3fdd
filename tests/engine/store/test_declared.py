"""A manifest that is read is one that a run could have written."""

import json

import pytest

from pyxai.engine import InputError
from pyxai.engine.store import declared
from pyxai.engine.store.declared import check, read_manifest
from tests.engine.conftest import made_manifest

ARRAYS = {"heatmap": {"shape": [4, 4], "dtype": "float32"}}


def changed(place: str, value: object) -> dict:
    manifest = made_manifest(dict(ARRAYS), 100)
    *above, last = place.split(".")
    inner = manifest
    for key in above:
        inner = inner[key]
    inner[last] = value
    return manifest


WRONG = {
    "method": [None, 3, ["a"]],
    "model": [3, {}, {"spec": 4}, "net"],
    "target": [{"callable": 5}],
    "class_names": [
        5, "cat", ["cat"], {"cat": "cat"}, {"0": 5}, {"-1": "cat"}, {"01": "cat"}, {"9" * 5000: "cat"},
        {"٣": "cat"},
    ],
    "preprocess": [
        None, [], {"resize": "x"}, {"depth": 3}, {"mean": [10**400]}, {"channels": []}, {"function": {}},
        {"function": {}, "channels": 3},
    ],
    "source": [None, "x", {"kind": "folder"}],
    "source.limits": [5, [], {"pixels": 0}, {"pixels": "many"}, {"lines": 3}],
    "source.left_out": [
        5, {"hidden": 3}, {"hidden": {"count": "1", "first": []}}, {"hidden": {"count": 1, "first": [3]}},
        {"hidden": {"count": 1}},
    ],
    "images": [None, [], {}],
    "images.count": ["100", -1, 0, 1.5, True, None, 10**30],
    "images.shape": [None, [3, 4], [3, 4, -4], [3, 4, "4"], 7],
    "chunk": [None, 0, 1025, -64, "64", 10**9],
    "rows": [None, 0, -1, "8", [8]],
    "threads": [0, None, 10**9, "1"],
    "arrays": [None, [], "heatmap"],
    "explainer": [None, {}, {"programs": {}}, {"programs": [1]}, {"programs": [{"explained": 3}]}],
    "explainer.units": [3, []],
    "output_kind": [3, []],
}  # fmt: skip


@pytest.mark.parametrize(("place", "value"), [(place, value) for place in WRONG for value in WRONG[place]])
def test_what_a_run_would_not_write_is_named(place, value):
    check(made_manifest(dict(ARRAYS), 100))
    with pytest.raises(ValueError, match=rf"^`{place}[\w.]*` in manifest\.json must be .*, got ") as error:
        check(changed(place, value))
    assert len(str(error.value)) < 300


def stored(path, manifest) -> None:
    (path / "manifest.json").write_text(json.dumps(manifest))
    lines = (json.dumps({"row": row, "path": "a"}) + "\n" for row in range(100))
    (path / "paths.jsonl").write_text("".join(lines))


def test_numbers_that_would_take_the_memory_of_the_machine_are_refused(tmp_path, monkeypatch):
    stored(tmp_path, made_manifest(dict(ARRAYS), 100))
    assert read_manifest(tmp_path)["rows"] == 8
    for place, value, message in (
        ("images.count", 10**9, "paths.jsonl has 2490 bytes, too few for 1000000000 images"),
        ("rows", 2**40, "a call of 1099511627776 rows would take"),
        ("preprocess", {"resize": 10**9}, "a picture with a side of 1000000000 pixels would take"),
        (
            "arrays.heatmap",
            {"shape": [10**6, 10**6, 10], "dtype": "float64"},
            "a chunk of 64 rows would take",
        ),
    ):
        stored(tmp_path, changed(place, value))
        with pytest.raises(InputError, match=f"is damaged: {message}"):
            read_manifest(tmp_path)
    monkeypatch.setattr(declared, "_ROW_IN_MEMORY", 2**50)
    stored(tmp_path, made_manifest(dict(ARRAYS), 100))
    with pytest.raises(InputError, match="100 images would take"):
        read_manifest(tmp_path)


def test_what_older_versions_leave_out_may_be_null():
    manifest = made_manifest(dict(ARRAYS), 100)
    for place in (
        "target",
        "class_names",
        "source.limits",
        "source.left_out",
        "explainer.units",
        "output_kind",
    ):
        check(changed(place, None))
    written = {
        "target": {"callable": "net:margin", "blake2b": "hash"},
        "class_names": {"0": "cat", "17": "sea, lake"},
        "preprocess": {"function": {"callable": "net:net"}, "channels": "L"},
    }
    source = manifest["source"] | {"limits": {"pixels": 7, "unpacked": 2**70}}
    left_out = {"hidden": {"count": 2, "first": [".a", ".b"]}}
    check({**manifest, **written, "source": {**source, "left_out": left_out}})


@pytest.mark.parametrize("text", ["[]", "null", '"a"', "{", "", "NaN"])
def test_what_is_no_manifest_is_no_run(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(InputError, match=r"is not a run of pyxai: manifest\.json"):
        read_manifest(tmp_path)
