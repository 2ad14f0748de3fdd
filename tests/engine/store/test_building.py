"""A store is built beside its place; what killed processes left there is removed, what lives stays."""

import errno
import os
import subprocess
import sys
import uuid
from contextlib import nullcontext
from pathlib import Path

import pytest

from pyxai.engine import InputError
from pyxai.engine.store import building as module
from pyxai.engine.store import lock
from pyxai.engine.store.building import building, remove_leftovers
from pyxai.engine.store.store import Store
from tests.engine.conftest import made_manifest


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_comes_to_its_place_whole(tmp_path):
    out = tmp_path / "deep" / "run.zarr"
    with building(out) as folder:
        (folder / "manifest.json").write_text("{}")
        assert not out.exists() and folder.parent == out.parent and folder.name.startswith(".run.zarr.")
        remove_leftovers(out)
        assert folder.exists(), "it is of a living process"
    assert names(out.parent) == ["run.zarr"] and names(out) == ["manifest.json"]


@pytest.mark.skipif(os.name != "posix", reason="folders cannot be opened")
def test_what_is_built_is_on_the_disk_before_it_comes_to_its_place(tmp_path, monkeypatch):
    """Of every file and folder: all of it, while the place was still empty; then the name of the store."""
    out, seen, sync = tmp_path / "run.zarr", [], os.fsync

    def hear(file):
        found = os.fstat(file)
        seen.append((found.st_ino, found.st_mtime_ns, out.exists()))
        sync(file)

    monkeypatch.setattr(module.os, "fsync", hear)
    arrays = {"heatmap": {"shape": [4, 4], "dtype": "float32"}}
    Store.create(out, made_manifest(arrays, 3), ["a", "b", "c"])
    built = [path.stat() for path in [*out.rglob("*"), out]]
    assert len(built) > 6
    assert sorted(seen[:-1]) == sorted((file.st_ino, file.st_mtime_ns, False) for file in built)
    assert seen[-1][0] == tmp_path.stat().st_ino and seen[-1][2]


@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL])
def test_a_disk_that_fails_is_said_and_one_that_has_no_fsync_is_taken_as_it_is(tmp_path, monkeypatch, code):
    def fail(file):
        raise OSError(code, "of the disk")

    monkeypatch.setattr(module.os, "fsync", fail)
    wanted = pytest.raises(InputError, match=r"cannot write .*run\.zarr: of the disk")
    with wanted if code == errno.EIO else nullcontext(), building(tmp_path / "run.zarr") as folder:
        (folder / "x").touch()
    assert names(tmp_path) == ([] if code == errno.EIO else ["run.zarr"])


def build(out: Path, error: BaseException) -> None:
    with building(out) as folder:
        (folder / "x").touch()
        raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (OSError(28, "No space left"), InputError),
        (ValueError("no"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_nothing_stays_where_it_cannot_be_built(tmp_path, error, raised):
    words = f"cannot write {tmp_path / 'run.zarr'}: No space left" if raised is InputError else None
    with pytest.raises(raised, match=words):
        build(tmp_path / "run.zarr", error)
    assert names(tmp_path) == []


def test_the_first_stays(tmp_path):
    out = tmp_path / "run.zarr"
    with building(out) as first:
        (first / "manifest.json").write_text("first")
        with building(out) as second:
            (second / "manifest.json").write_text("second")
    assert names(tmp_path) == ["run.zarr"]
    assert (out / "manifest.json").read_text() == "second"


KILLED = """
import os, signal, sys
from pathlib import Path
from pyxai.engine.store.building import building
with building(Path(sys.argv[1])) as folder:
    (folder / "deep").mkdir()
    (folder / "deep" / "file").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    out = tmp_path / "run.zarr"
    subprocess.run([sys.executable, "-c", KILLED, str(out)], cwd=Path(__file__).parents[3], check=False)
    (left,) = names(tmp_path)
    code = uuid.uuid4().hex
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (tmp_path / f".run.zarr.{uuid.uuid4().hex}").symlink_to(tmp_path / "elsewhere")
    others = [f".other.zarr.{code}", f".run.zarr.{code}.txt", ".run.zarr.short", f"run.zarr.{code}"]
    for other in others:
        (tmp_path / other).mkdir()
    (tmp_path / f".run.zarr.{code}").touch()  # a file
    remove_leftovers(out)
    assert left not in names(tmp_path)
    assert set(others) <= set(names(tmp_path)) and len(names(tmp_path)) == len(others) + 3
    assert names(tmp_path / "elsewhere") == ["file"]
    remove_leftovers(tmp_path / "nothing" / "here")


def test_what_a_killed_process_still_holds_is_waited_for(tmp_path, monkeypatch):
    left = tmp_path / f".run.zarr.{uuid.uuid4().hex}"
    left.mkdir()
    held = os.open(left, os.O_RDONLY)
    assert lock.locked(held)
    monkeypatch.setattr(lock.time, "sleep", lambda seconds: os.close(held))  # it has died meanwhile
    remove_leftovers(tmp_path / "run.zarr")
    assert names(tmp_path) == []


@pytest.mark.parametrize("when", ["before it is opened", "before it is locked"])
def test_a_folder_that_is_taken_for_a_leftover_is_built_again(tmp_path, monkeypatch, when):
    """Between its making and its lock another process may look."""
    opened, real = [], os.open

    def late(path, *how, **where):
        if opened:
            return real(path, *how, **where)
        opened.append(path)
        if when == "before it is opened":
            os.rmdir(path)
        file = real(path, *how, **where)
        os.rmdir(path)
        return file

    monkeypatch.setattr(module.os, "open", late)
    with building(tmp_path / "run.zarr") as folder:
        assert folder.exists() and folder != opened[0]
        (folder / "x").touch()
    assert names(tmp_path) == ["run.zarr"]
