"""Chunks are committed behind the model, in order; a full disk is told to whoever hands over the next."""

import numpy as np
import pytest

from pyxai.engine import RunError
from pyxai.engine.status import OK, UNREADABLE
from pyxai.engine.store.store import Store
from pyxai.engine.store.writer import Chunk, Writer
from tests.engine.conftest import made_manifest

ARRAYS = {"score": {"shape": [], "dtype": "float32"}, "target": {"shape": [], "dtype": "int64"}}
MANIFEST = made_manifest(ARRAYS, 100)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "run.zarr", MANIFEST, [f"{row}.png" for row in range(100)])


def filled(store: Store, index: int) -> Chunk:
    chunk = Chunk.empty(store, index)
    for place, row in enumerate(chunk.rows):
        values = {"score": np.arange(len(chunk.rows)) + 0.5, "target": np.full(len(chunk.rows), row)}
        chunk.fill(row, values, place)
    return chunk


def test_an_empty_chunk_has_the_fill_values_and_rows_of_its_place(store):
    chunk = Chunk.empty(store, 1)
    assert (chunk.rows, len(chunk.status), bool(chunk.status.any())) == (range(64, 100), 36, False)
    assert np.isnan(chunk.values["score"]).all() and (chunk.values["target"] == -1).all()


def test_rows_are_filled_and_fail(store):
    chunk = filled(store, 1)
    chunk.fail(70, "70.png", UNREADABLE, "cut")
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


def test_leaving_waits_until_all_is_stored_in_order(store):
    heard = []
    with Writer(store, lambda chunk: heard.append(chunk.index)) as writer:
        for index in (1, 0):
            writer.put(filled(store, index))
    assert heard == [1, 0]
    assert Store(store.path).pending(range(2)) == []
    assert store.arrays["target"][99] == 99


@pytest.mark.parametrize(
    ("number", "said"), [(28, "no space left.*: free some space and"), (5, "broken.*: see to it and")]
)
def test_an_error_of_the_disk_stops_the_run_and_nothing_waits(store, monkeypatch, number, said):
    def broken(*_):
        raise OSError(number, "broken")

    monkeypatch.setattr(Store, "write", broken)
    chunk = filled(store, 0)

    def work():
        with Writer(store, lambda chunk: pytest.fail("nothing was stored")) as writer:
            for _ in range(20):
                writer.put(chunk)

    with pytest.raises(RunError, match=f"cannot write .*: {said} continue with --resume"):
        work()
