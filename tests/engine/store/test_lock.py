"""Who writes a store: a second process for the same chunks is refused, what a dead one left is nothing."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from pyxai.engine import InputError
from pyxai.engine.store import lock
from pyxai.engine.store.lock import Writing, locked

HOLD = """
import sys, time
from pathlib import Path
from pyxai.engine.store.lock import Writing
with Writing(Path(sys.argv[1]), (0, 2)):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The times at which somebody waited for a lock; the clock runs by them alone."""
    waits = []
    monkeypatch.setattr(lock.time, "sleep", waits.append)
    monkeypatch.setattr(lock.time, "monotonic", lambda: sum(waits))
    return waits


@pytest.fixture
def store(tmp_path):
    (tmp_path / "run.zarr").mkdir()
    (tmp_path / "run.zarr" / "manifest.json").write_text("{}")
    return tmp_path / "run.zarr"


def names(store: Path) -> list[str]:
    return sorted(path.name for path in store.iterdir())


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((0, 1), (0, 1), True),
        ((1, 3), (1, 3), True),
        ((0, 1), (2, 3), True),
        ((2, 3), (0, 1), True),
        ((0, 2), (1, 3), True),
        ((0, 2), (1, 2), False),
        ((1, 4), (0, 2), False),
        ((1, 4), (1, 2), True),
    ],
)
def test_processes_may_write_different_chunks_only(store, waits, one, other, same):
    assert same == bool({*range(one[0], 60, one[1])} & {*range(other[0], 60, other[1])})
    with Writing(store, one):
        if same:
            words = f"{store}: shard {other[0]}/{other[1]} is being written: process {os.getpid()} on .* has "
            with pytest.raises(InputError, match=words + f"{one[0]}/{one[1]}; wait for it, or end it"):
                Writing(store, other).take()
            assert sum(waits) == pytest.approx(2, abs=0.05)
        else:
            with Writing(store, other):
                assert len(names(store)) == 3
            assert not waits
    assert names(store) == ["manifest.json"]
    with Writing(store, other) as again:
        again.take()
    assert names(store) == ["manifest.json"]


def test_a_killed_process_holds_nothing(store):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    assert process.stdout.readline() == b"held\n"
    with pytest.raises(InputError, match=f"process {process.pid} on"):
        Writing(store, (0, 1)).take()
    with Writing(store, (1, 2)):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert names(store) == [".writing-0-of-2", "manifest.json"]
    with Writing(store, (0, 1)):
        assert names(store) == [".writing-0-of-1", "manifest.json"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_process_that_is_ending_is_waited_for(store, monkeypatch, how):
    """As a killed one does for a moment, it holds the lock when it is first asked for, and later no more."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(store)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout.readline() == b"held\n"

    def end(seconds):
        process.send_signal(how)  # by SIGINT it removes its file itself
        process.wait()

    monkeypatch.setattr(lock.time, "sleep", end)
    with Writing(store, (0, 1)):
        assert process.returncode is not None
        assert names(store) == [".writing-0-of-1", "manifest.json"]
    process.stdout.close()


def test_a_store_that_comes_later_is_locked_when_it_is_there(store, tmp_path):
    with Writing(tmp_path / "later.zarr", (0, 1)) as later:
        store.rename(tmp_path / "later.zarr")
        later.take()
        with pytest.raises(InputError, match="is being written"):
            Writing(tmp_path / "later.zarr", (0, 1)).take()
        (tmp_path / "later.zarr").rename(store)  # gone again: nothing is removed elsewhere
    assert names(store) == [".writing-0-of-1", "manifest.json"]


def test_what_is_no_lock_is_one_line(store):
    (store / ".writing-0-of-1").symlink_to("/dev/zero")
    with pytest.raises(InputError, match=r"is damaged: \.writing-0-of-1 is no lock"):
        Writing(store, (0, 1)).take()


@pytest.mark.parametrize("missing", ["module", "file system"])
def test_where_nothing_can_be_locked_it_is_said(store, monkeypatch, missing):
    if missing == "module":
        monkeypatch.setattr(lock, "fcntl", None)
    else:

        def refuse(*_):
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(lock.fcntl, "flock", refuse)
    with open(store / "manifest.json") as file:
        assert locked(file.fileno()) is None
    with (
        pytest.warns(UserWarning, match=r"run\.zarr cannot be locked: see to it .* shard 0/1"),
        Writing(store, (0, 1)),
    ):
        assert names(store) == ["manifest.json"]


def test_with_locks_nothing_is_said(store):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Writing(store, (0, 1)):
            pass
