"""Zarr reads whole chunks of a store, and nothing that lies elsewhere."""

import asyncio
import os
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from pyxai.engine import InputError
from pyxai.engine.store.folder import Folder
from pyxai.engine.store.layout import layouts
from pyxai.engine.store.store import Store
from tests.engine.conftest import as_before, flip, made_store


@pytest.fixture
def path(tmp_path):
    return made_store(tmp_path / "run.zarr").path


def folder(path) -> Folder:
    return Folder(path, layouts(Store(path).manifest).values())


@pytest.mark.parametrize("what", ["heatmap", "heatmap/c", "heatmap/c/1", "heatmap/c/1/0/0", "score/c/1"])
def test_links_are_not_followed_in_either_direction(path, tmp_path, what):
    away = tmp_path / "away"
    shutil.move(path / what, away)
    (path / what).symlink_to(away)
    before = {
        file: file.read_bytes() for file in (away.rglob("*") if away.is_dir() else [away]) if file.is_file()
    }
    name = what.partition("/")[0]
    with pytest.raises(InputError, match="is a link, or lies behind one"):
        folder(path).array(name)[64:]
    if what != "heatmap":
        written = folder(path)
        with pytest.raises(OSError, match="is a link, or lies behind one"):
            written.put(name, 1, np.zeros((36, *written.array(name).shape[1:])))
    assert before == {file: file.read_bytes() for file in before}


def test_a_pipe_in_place_of_a_chunk_is_not_waited_for(path):
    (path / "score" / "c" / "1").unlink()
    os.mkfifo(path / "score" / "c" / "1")
    with pytest.raises(InputError, match=r"rows 64 to 99: `score` is no regular file"):
        folder(path).array("score")[64:]


def test_a_chunk_is_missing_where_its_rows_are_done_and_not_begun_where_they_are_not(path):
    (path / "score" / "c" / "1").unlink()
    array = folder(path).array("score")
    with pytest.raises(InputError, match=r"run\.zarr: rows 64 to 99: `score` is missing$"):
        array[:]
    assert np.isfinite(array[:64]).all()
    (path / "status" / "c" / "1").unlink()
    assert np.isnan(array[64:]).all()


@pytest.mark.parametrize("old", [False, True])
def test_damage_is_an_error_with_its_rows(path, old):
    if old:
        as_before(path)
    file = path / "heatmap" / "c" / "0" / "0" / "0"
    whole = file.read_bytes()
    os.truncate(file, len(whole) - 1)
    assert folder(path).fault("heatmap", 0, contents=False) == "is cut off"
    with pytest.raises(InputError, match="rows 0 to 63: `heatmap` is cut off"):
        folder(path).array("heatmap")[:]
    file.write_bytes(whole)
    flip(file)
    fault = folder(path).fault("heatmap", 0, contents=True)
    assert fault == (None if old else "is damaged: its checksum is another")


def test_a_status_that_means_nothing_is_damage_although_no_checksum_tells(path):
    as_before(path)
    codes = np.full(64, 1, np.uint8)
    codes[3] = 129
    folder(path).put("status", 0, codes)
    assert folder(path).fault("status", 0, contents=False) is None
    assert folder(path).fault("status", 0, contents=True) == "has the unknown codes [129]"
    with pytest.raises(InputError, match=r"run\.zarr: rows 0 to 63: `status` has the unknown codes \[129\]"):
        Store(path).status()
    assert Store(path).clean([0, 1]) == ["rows 0 to 63: `status` has the unknown codes [129]"]
    assert Store(path).status().tolist() == [0] * 64 + [1] * 36


def test_files_of_a_chunk_are_removed_the_status_first(path, monkeypatch):
    order = []
    unlink = Path.unlink
    monkeypatch.setattr(Path, "unlink", lambda path, **how: (order.append(path), unlink(path, **how)))
    folder(path).remove(1)
    assert order[0] == path / "status" / "c" / "1"
    assert not folder(path).has_status(1) and folder(path).has_status(0)
    assert not [found for name in ("heatmap", "score", "target") for found in (path / name / "c").glob("1*")]


def test_temporary_files_go_by_chunk(path):
    for name in ("score/c/1.00aa.partial", "score/c/0.00aa.partial", "heatmap/c/1/0/0.00aa.partial"):
        (path / name).touch()
    folder(path).remove_partial([1])
    assert [file.name for file in path.rglob("*.partial")] == ["0.00aa.partial"]


def test_zarr_may_open_the_arrays_that_are_handed_out(path):
    array = Store(path).arrays["score"]
    for found in (pickle.loads(pickle.dumps(array)), zarr.open_array(array.store_path, mode="r")):
        np.testing.assert_array_equal(found[:], array[:])
    with pytest.raises(ValueError, match="read-only"):
        array[:] = 0
    with pytest.raises(ValueError, match="is written by runs alone: its arrays can be read, not changed"):
        folder(path).with_read_only(False)
    (path / "x").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="is a link"):
        asyncio.run(folder(path).get("x"))


def test_nothing_is_removed_behind_a_link(path, tmp_path):
    shutil.move(path / "score" / "c", tmp_path / "away")
    (path / "score" / "c").symlink_to(tmp_path / "away")
    for remove in (lambda f: f.remove(0), lambda f: f.remove_partial([0])):
        with pytest.raises(InputError, match="score/c is a link"):
            remove(folder(path))
    assert len(list((tmp_path / "away").iterdir())) == 2
