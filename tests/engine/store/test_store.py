"""The store's format, and what it does when several write to it."""

import json
import os

import numpy as np
import pytest
import zarr

from pyxai.engine import InputError
from pyxai.engine.store import store as module
from pyxai.engine.store.store import Store
from tests.engine.conftest import as_before, flip, made_manifest, made_store

ARRAYS = {
    "heatmap": {"shape": [4, 4], "dtype": "float32"},
    "target": {"shape": [], "dtype": "int64"},
    "evaluations": {"shape": [], "dtype": "int64"},
}
MANIFEST = made_manifest(ARRAYS, 100)
NAMES = [f"{row:03d}.png" for row in range(100)]


@pytest.fixture
def store(tmp_path) -> Store:
    return Store.create(tmp_path / "run.zarr", MANIFEST, NAMES)


def chunk(rows: int, value: float) -> dict[str, np.ndarray]:
    return {
        "heatmap": np.full((rows, 4, 4), value, np.float32),
        "target": np.full(rows, int(value)),
        "evaluations": np.zeros(rows, np.int64),
    }


def test_rows_not_done_are_marked_in_every_array(store):
    group = zarr.open_group(str(store.path), mode="r")
    assert group.metadata.zarr_format == 3
    assert np.isnan(group["heatmap"][:]).all()
    assert (group["target"][:] == -1).all()
    assert (group["evaluations"][:] == 0).all()
    assert (group["status"][:] == 0).all()
    assert group["heatmap"].chunks == (64, 4, 4)
    assert store.names() == NAMES
    assert len(store.pending(range(2))) == 100


def test_a_chunk_of_fill_values_is_written_all_the_same(store):
    """Else a chunk could not be told from one that a kill left out."""
    store.write(1, {**chunk(36, 0), "target": np.full(36, -1)}, np.full(36, 2, np.uint8), {})
    assert (store.path / "evaluations" / "c" / "1").exists()
    assert (store.path / "target" / "c" / "1").exists()
    assert store.pending(range(2)) == list(range(64))


def test_status_is_written_last(store, monkeypatch):
    def torn(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyxai.engine.store.store.append", torn)
    with pytest.raises(OSError, match="No space left"):
        store.write(0, chunk(64, 1), np.ones(64, np.uint8), {"errors.jsonl": [{"row": 3}]})
    assert len(store.pending(range(2))) == 100
    assert store.arrays["target"][0] == 1


def test_errors_survive_torn_and_repeated_lines(store):
    entries = [{"row": row, "path": NAMES[row], "status": 2, "reason": "cut"} for row in (5, 70)]
    with open(store.path / "errors.jsonl", "w") as file:
        file.write(json.dumps(entries[0]) + "\n" + json.dumps(entries[1])[:20])
    status = np.ones(64, np.uint8)
    status[5] = 2
    store.write(0, chunk(64, 1), status, {"errors.jsonl": entries[:1]})
    status = np.ones(36, np.uint8)
    status[70 - 64] = 2
    store.write(1, chunk(36, 1), status, {"errors.jsonl": entries[1:]})
    assert store.errors() == entries


def test_maps_of_zeros_are_known_by_row_where_the_row_is_done(store):
    assert store.zero_maps() == []
    entries = [{"row": row, "path": NAMES[row], "maps": 1} for row in (7, 5, 6, 70)]
    with open(store.path / "zero_maps.jsonl", "w") as file:  # row 70 was written before a kill
        file.write("".join(json.dumps(entry) + "\n" for entry in (entries[3], entries[1])))
    status = np.ones(64, np.uint8)
    status[6] = 6
    store.write(0, chunk(64, 1), status, {"zero_maps.jsonl": entries[:3]})
    assert [line["row"] for line in store.zero_maps()] == [5, 7]


def test_the_second_to_create_a_store_opens_the_first(store):
    store.write(0, chunk(64, 7), np.ones(64, np.uint8), {})
    again = Store.create(store.path, MANIFEST, NAMES)
    assert again.arrays["target"][0] == 7
    assert [path.name for path in store.path.parent.iterdir()] == ["run.zarr"]


def test_what_is_not_a_run_is_refused(tmp_path, store):
    with pytest.raises(InputError, match="is not a run of pyxai"):
        Store(tmp_path)
    text = (store.path / "manifest.json").read_text()
    (store.path / "manifest.json").write_text(text.replace('"format_version": 1', '"format_version": 9'))
    with pytest.raises(InputError, match=r"has the format \('pyxai-run', 9\), not"):
        Store(store.path)


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("what", ["missing", "cut", "empty", "folder", "link", "pipe", "flipped"])
@pytest.mark.parametrize("name", ["heatmap/c/1/0/0", "score/c/1", "status/c/1"])
def test_a_chunk_that_is_not_whole_is_not_done(tmp_path, old, what, name):
    path = made_store(tmp_path / "run.zarr", rows=200).path
    if old:
        as_before(path)
    file = path / name
    if what == "cut":
        os.truncate(file, len(file.read_bytes()) - 1)
    elif what == "flipped":
        flip(file, 40 if old else None)  # without a checksum what the headers say is all that is known
    else:
        file.rename(tmp_path / "away")
    if what == "empty":
        file.touch()
    elif what == "folder":
        (file / "deep").mkdir(parents=True)
    elif what == "link":
        file.symlink_to(tmp_path / "away")
    elif what == "pipe":
        os.mkfifo(file)
    store = Store(path)
    lines = store.clean(range(1, 4))
    assert len(lines) == ((what, name) != ("missing", "status/c/1"))
    start = f"rows 64 to 127: `{name.partition('/')[0]}` "
    assert all(line.startswith((start + "is", start + "cannot be read: ")) for line in lines)
    assert store.pending(range(4)) == list(range(64, 128))
    rows = store.rows_of(1)
    values = {name: np.ones((64, *array.shape[1:]), array.dtype) for name, array in store.arrays.items()}
    store.write(1, values, np.ones(len(rows), np.uint8), {})
    assert Store(path).pending(range(4)) == [] and not store.clean(range(4))
    assert Store(path).read("score", rows).tolist() == [1.0] * 64
    codecs = json.loads((path / "score" / "zarr.json").read_text())["codecs"]
    assert [codec["name"] for codec in codecs] == ["bytes", "zstd", *([] if old else ["crc32c"])]
    assert not store.faults(1, contents=["heatmap", "score", "status"])


def test_checksums_of_large_arrays_are_left_to_check(tmp_path, monkeypatch):
    path = made_store(tmp_path / "run.zarr").path
    flip(path / "heatmap" / "c" / "1" / "0" / "0")
    monkeypatch.setattr(module, "_MOST_READ", 2 * 64 * 16 * 4 - 1)
    assert Store(path).clean(range(2)) == []
    monkeypatch.setattr(module, "_MOST_READ", 2 * 64 * 16 * 4)
    assert Store(path).clean(range(2)) == ["rows 64 to 99: `heatmap` is damaged: its checksum is another"]


def test_chunks_of_others_are_left_alone(tmp_path):
    path = made_store(tmp_path / "run.zarr", rows=200).path
    for chunk in (1, 2):
        os.truncate(path / "score" / "c" / str(chunk), 9)
        (path / "heatmap" / "c" / str(chunk) / "0" / "0.aa.partial").touch()
    store = Store(path)
    assert len(store.clean(range(0, 4, 2))) == 1
    assert store.pending(range(4)) == list(range(128, 192))
    assert len(list(path.rglob("*.partial"))) == 1 and (path / "score" / "c" / "1").exists()


def test_a_store_has_its_own_chunks(tmp_path):
    store = made_store(tmp_path / "run.zarr", rows=10, chunk=3)
    assert (store.chunk, store.chunks, store.rows_of(3)) == (3, 4, range(9, 10))
    assert store.arrays["heatmap"].chunks == (3, 4, 4)
    store.drop(1)
    assert Store(store.path).pending(range(4)) == [3, 4, 5]


@pytest.mark.parametrize("damage", ["v2", "array", "nothing", "garbage", "link"])
def test_only_a_group_of_format_3_is_opened(tmp_path, damage):
    path = made_store(tmp_path / "run.zarr").path
    file = path / "zarr.json"
    if damage == "link":
        file.rename(tmp_path / "away")
        file.symlink_to(tmp_path / "away")
    elif damage == "v2":
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        file.write_text('{"zarr_format": 2, "node_type": "group"}')
    elif damage == "nothing":
        file.unlink()
    else:
        file.write_text({"array": '{"zarr_format": 3, "node_type": "array"}', "garbage": "[[["}[damage])
    with pytest.raises(InputError, match="is not a group of Zarr's format 3: "):
        Store(path)


@pytest.mark.parametrize(
    "line",
    ["", "[]", '{"row": 1, "path": "a"}', '{"row": 0}', '{"row": 0, "path": 3}']
    + [json.dumps({"row": 0, "path": path}) for path in ("/etc/passwd", "a/../../b", "", "a\0b")],
)  # fmt: skip
def test_names_are_those_of_the_rows_and_lie_within_the_source(tmp_path, line):
    path = made_store(tmp_path / "run.zarr").path
    lines = (path / "paths.jsonl").read_text().splitlines()
    (path / "paths.jsonl").write_text("\n".join([line, *lines[1:], ""]))
    with pytest.raises(InputError, match=r"is damaged: paths\.jsonl: line 1 is not that of row 0"):
        Store(path).names()


def test_lines_about_no_row_are_left_out(tmp_path):
    path = made_store(tmp_path / "run.zarr").path
    entry = {"row": 5, "path": "a", "status": 1, "reason": "b", "maps": 1}
    changes = [{"row": -1}, {"row": 100}, {"row": "5"}, {"row": True}, {"path": 4, "row": 6}, {"row": 10**30}]
    for name in ("errors.jsonl", "zero_maps.jsonl"):
        text = "".join(json.dumps({**entry, **change}) + "\n" for change in [*changes, {}])
        (path / name).write_text(text)
    store = Store(path)
    assert store.errors() == store.zero_maps() == [entry]


def test_arrays_that_cannot_be_stored_are_refused_before_anything_is_written(tmp_path):
    manifest = {**MANIFEST, "arrays": {**ARRAYS, "../up": ARRAYS["target"]}}
    with pytest.raises(InputError, match=r"cannot write .*: an array cannot be called '\.\./up'"):
        Store.create(tmp_path / "run.zarr", manifest, NAMES)
    assert list(tmp_path.iterdir()) == []
