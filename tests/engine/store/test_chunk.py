"""The rows of a chunk come in one by one, and what there is can be stored in between."""

import numpy as np
import pytest

from pyxai.engine.status import OK, PENDING, UNREADABLE
from pyxai.engine.store.chunk import Chunk
from pyxai.engine.store.store import Store
from tests.engine.conftest import made_manifest

ARRAYS = {"score": {"shape": [], "dtype": "float32"}, "target": {"shape": [], "dtype": "int64"}}
MANIFEST = made_manifest(ARRAYS, 100)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "run.zarr", MANIFEST, [f"{row}.png" for row in range(100)])


def filled(store: Store, index: int) -> Chunk:
    chunk = Chunk.begun(store, index, ())
    rows = np.array(chunk.rows)
    chunk.fill(rows, {"score": np.arange(len(rows)) + 0.5, "target": rows}, np.full(len(rows), OK))
    return chunk


def part_of(chunk: Chunk, *rows: int) -> tuple[np.ndarray, dict[str, np.ndarray], np.ndarray]:
    """Some rows with what a chunk holds of them."""
    places = np.array(rows) - chunk.rows.start
    values = {name: array[places] for name, array in chunk.values.items()}
    return np.array(rows), values, chunk.status[places]


def test_an_empty_chunk_has_the_fill_values_and_rows_of_its_place(store):
    chunk = Chunk.begun(store, 1, ())
    assert (chunk.rows, len(chunk.status), bool(chunk.status.any())) == (range(64, 100), 36, False)
    assert np.isnan(chunk.values["score"]).all() and (chunk.values["target"] == -1).all()


def test_rows_are_filled_and_fail(store):
    chunk = filled(store, 1)
    chunk.note_error(70, "70.png", UNREADABLE, "cut")
    chunk.fail(70, UNREADABLE)
    assert (chunk.status[70 - 64], (chunk.status == OK).sum()) == (UNREADABLE, 35)
    assert chunk.values["target"][3] == 67 and chunk.values["score"][3] == 3.5
    assert chunk.lines["errors.jsonl"] == [
        {"row": 70, "path": "70.png", "status": UNREADABLE, "reason": "cut"}
    ]


def test_maps_of_zeros_are_noted(store):
    chunk = filled(store, 1)
    chunk.note_zeros(70, "70.png", 2)
    assert chunk.lines == {"zero_maps.jsonl": [{"row": 70, "path": "70.png", "maps": 2}]}
    assert (chunk.status == OK).all()


def test_what_there_is_can_be_stored_and_gone_on_with(store):
    whole = filled(store, 1)
    chunk = Chunk.begun(store, 1, range(64, 100))
    chunk.fill(*part_of(whole, 64, 70))
    chunk.note_error(71, "71.png", UNREADABLE, "cut")
    chunk.fail(71, UNREADABLE)
    assert (chunk.added, chunk.complete) == (3, False)
    part = chunk.so_far()
    assert (chunk.added, chunk.lines, len(part.lines["errors.jsonl"])) == (0, {}, 1)
    chunk.fill(*part_of(whole, 72))
    assert part.status[8] == PENDING and np.isnan(part.values["score"][8])
    store.write(part.index, part.values, part.status, part.lines)

    pending = store.pending([1])
    assert pending == [row for row in range(64, 100) if row not in (64, 70, 71)]
    again = Chunk.begun(store, 1, pending)
    assert (again.status == part.status).all()
    np.testing.assert_array_equal(again.values["score"], part.values["score"])
    for row in pending:
        assert not again.complete
        again.fill(*part_of(whole, row))
    assert again.complete
    np.testing.assert_array_equal(again.values["target"][[0, 6, 7]], [64, 70, -1])


def test_rows_that_are_done_again_begin_empty(store):
    chunk = filled(store, 1)
    chunk.note_error(70, "70.png", UNREADABLE, "cut")
    chunk.fail(70, UNREADABLE)
    store.write(chunk.index, chunk.values, chunk.status, chunk.lines)
    assert (store.pending([1]), store.pending([1], failed=True)) == ([], [70])
    again = Chunk.begun(store, 1, [70])
    assert again.status[6] == PENDING and np.isnan(again.values["score"][6])
    assert (np.delete(again.status, 6) == OK).all()
