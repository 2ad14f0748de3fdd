"""A file is there whole or not at all, and what it lies in is not made anew where it is gone."""

import errno
import os

import numpy as np
import pytest

from pyxai.engine.store.durable import PARTIAL, sync, write


def test_a_file_is_written_with_the_folders_above_it_and_written_over(tmp_path):
    write(tmp_path, "score/c/0", b"one")
    write(tmp_path, "score/c/0", memoryview(np.arange(3, dtype="<i2")))
    assert (tmp_path / "score/c/0").read_bytes() == b"\0\0\1\0\2\0"
    assert [file.name for file in tmp_path.rglob("*")] == ["score", "c", "0"]


def test_a_store_that_is_gone_is_not_begun_anew(tmp_path):
    with pytest.raises(FileNotFoundError):
        write(tmp_path / "run.zarr", "score/c/0", b"one")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("link", ["a", "a/b", "a/b/file"])
def test_no_link_is_followed(tmp_path, link):
    root, away = tmp_path / "run.zarr", tmp_path / "away"
    (root / link).parent.mkdir(parents=True)
    (away / "b").mkdir(parents=True)
    (root / link).symlink_to(away)
    with pytest.raises(OSError, match="is a link, or lies behind one"):
        write(root, "a/b/file", b"one")
    assert [file.name for file in away.rglob("*")] == ["b"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_cannot_be_written_whole_leaves_what_was_there(tmp_path, monkeypatch, call):
    write(tmp_path, "file", b"one")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="full"):
        write(tmp_path, "file", b"two")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"one"]


def test_what_a_file_holds_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    told, sync = [], os.fsync

    def note(file):
        told.append((os.readlink(f"/proc/self/fd/{file}"), os.fstat(file).st_size, os.listdir(tmp_path)))
        sync(file)

    monkeypatch.setattr(os, "fsync", note)
    write(tmp_path, "file", b"one")
    ((path, size, names),) = told
    assert path.endswith(PARTIAL) and size == 3 and names == [os.path.basename(path)]


@pytest.mark.parametrize(("number", "tolerated"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_file_systems_that_cannot_sync_a_folder_will_do(tmp_path, monkeypatch, number, tolerated):
    def refuse(file):
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "fsync", refuse)
    if tolerated:
        sync(tmp_path)
    else:
        with pytest.raises(OSError, match="refused"):
            sync(tmp_path)
