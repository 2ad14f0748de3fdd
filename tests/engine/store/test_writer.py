"""Chunks are committed behind the model, in order; a full disk is told to whoever hands over the next."""

import re

import numpy as np
import pytest

from pyxai.engine import InputError, RunError
from pyxai.engine.store.chunk import Chunk
from pyxai.engine.store.store import Store
from pyxai.engine.store.writer import Writer
from tests.engine.conftest import made_manifest

ARRAYS = {"score": {"shape": [], "dtype": "float32"}, "target": {"shape": [], "dtype": "int64"}}
MANIFEST = made_manifest(ARRAYS, 100)


@pytest.fixture
def store(tmp_path):
    return Store.create(tmp_path / "run.zarr", MANIFEST, [f"{row}.png" for row in range(100)])


def filled(store: Store, index: int) -> Chunk:
    chunk = Chunk.begun(store, index, ())
    rows = np.array(chunk.rows)
    chunk.fill(rows, {"score": np.arange(len(rows)) + 0.5, "target": rows}, np.ones(len(rows)))
    return chunk


def test_leaving_waits_until_all_is_stored(store):
    with Writer(store) as writer:
        for index in (1, 0):
            writer.put(filled(store, index))
    assert Store(store.path).pending(range(2)) == []
    assert store.arrays["target"][99] == 99


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "full"), "no space left; what is stored is whole: free some space and"),
        (
            OSError(27, "File too large"),
            "a file would exceed the size limit of this process (ulimit -f); what is stored is whole: raise "
            "the limit and",
        ),
        (
            OSError(2, "it was deleted"),
            "it was deleted: put it back, or let a new one begin in its place, and",
        ),
        (OSError(5, "broken"), "broken; what is stored is whole: see to it and"),
        (MemoryError(), "out of memory; what is stored is whole: free some and"),
        (InputError("rows 0 to 63: `score` is missing"), "rows 0 to 63: `score` is missing; see to it and"),
        (KeyError("x"), "KeyError: 'x'; what is stored is whole: see to it and"),
        (SystemExit(0), "SystemExit: 0; what is stored is whole: see to it and"),
    ],
)
@pytest.mark.parametrize("chunks", [1, 20])
def test_whatever_goes_wrong_on_the_thread_stops_the_run_and_nothing_waits(
    store, monkeypatch, error, said, chunks
):
    def broken(*_):
        raise error

    monkeypatch.setattr(Store, "write", broken)
    chunk = filled(store, 0)

    def work():
        with Writer(store) as writer:
            for _ in range(chunks):
                writer.put(chunk)

    with pytest.raises(RunError, match=f"cannot write .*: {re.escape(said)} continue with --resume"):
        work()
