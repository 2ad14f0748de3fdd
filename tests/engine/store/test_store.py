"""The store's format, and what it does when several write to it."""

import json

import numpy as np
import pytest
import zarr

from pyxai.engine import InputError
from pyxai.engine.store.store import Store
from tests.engine.conftest import made_manifest

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
