"""torchrun shares one run out among its processes."""

import os
import shutil
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.distributed
from PIL import Image

from pyxai import engine
from pyxai.engine import InputError, RunError
from pyxai.engine.runner.distributed import World, world
from pyxai.engine.store.lock import Writing
from tests.engine.conftest import TINY, assert_same_arrays

ROOT = Path(__file__).parents[3]


def torchrun(*arguments: str) -> subprocess.CompletedProcess:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--nproc-per-node=2", f"--master-port={port}", "-m", "pyxai", "explain"]
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *options, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )


@pytest.mark.slow
def test_two_ranks_make_the_arrays_of_one(photos, job, tmp_path):
    whole = engine.run(job()).store
    out = tmp_path / "ranks.zarr"
    arguments = [
        "--model",
        f"{TINY}:net",
        "--data",
        str(photos),
        "--out",
        str(out),
        "--set",
        "steps=4",
        "--quiet",
    ]
    done = torchrun(*arguments, "--batch-size", "50")
    assert done.returncode == 0, done.stderr
    assert_same_arrays(whole, out)
    assert done.stdout.count("150 of 150 done") == 1
    assert (out / "runs.jsonl").read_text().count("\n") == 2


@pytest.mark.slow
def test_the_rank_that_stops_says_why_and_the_others_end(photos, tmp_path):
    data = shutil.copytree(photos, tmp_path / "photos")
    broken = data / "odd" / "0011.png"  # of the second chunk, rank 1's: even ones come first
    broken.write_bytes(b"broken")
    arguments = ["--model", f"{TINY}:net", "--data", str(data), "--out", str(tmp_path / "run.zarr")]
    done = torchrun(*arguments, "--method", "saliency", "--quiet", "--strict")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if line.startswith("pyxai:") and "0011.png" in line]
    assert len(said) == 1, done.stderr


@pytest.mark.slow
def test_a_rank_that_crashes_is_named_and_takes_the_others_along(photos, tmp_path):
    """Each watches over its own rows: the second has those of the second chunk, the first waits for it."""
    (tmp_path / "model.py").write_text(
        "import os\n"
        "from tests.engine.tiny import Touchy\n"
        "class Model(Touchy):\n"
        "    def refuse(self): os.abort()\n"
        "def net(): return Model().eval()\n"
    )
    shutil.copytree(photos, tmp_path / "photos")
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    Image.new("RGB", (12, 12), "white").save(tmp_path / "photos" / names[70])
    data, out = str(tmp_path / "photos"), str(tmp_path / "run.zarr")
    done = torchrun(
        "--model", f"{tmp_path}/model.py:net", "--data", data, "--out", out, "--method", "gradient",
        "--batch-size", "8",
    )  # fmt: skip
    assert done.returncode == 1
    rows = f"rows 65 to 72, {names[65]} to {names[72]}"  # the first batch is one image
    line = f"pyxai: the run was ended by SIGABRT while explaining {rows}; what is stored is whole"
    assert done.stderr.count(line) == 1
    with Writing(Path(out), (0, 1)):  # which is refused while a rank lives
        pass


def test_alone_there_is_a_world_of_one(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with world() as here:
        assert here == World(0, 1, 0)
        done = []
        here.leader(lambda: done.append("work"))
        here.wait()
    assert done == ["work"]


def ranks(count: int) -> list[World]:
    """Processes that share their notes, for one thread each."""
    notes = torch.distributed.HashStore()
    return [World(rank, count, rank, notes) for rank in range(count)]


def at_once(*works) -> list:
    """What each of ``works`` returned or raised, done by threads of their own."""
    with ThreadPoolExecutor(len(works)) as threads:
        done = [threads.submit(work) for work in works]
        return [one.exception(timeout=60) or one.result() for one in done]


def test_the_leader_does_the_work_and_all_wait_for_it():
    worlds, worked = ranks(3), []

    def go(here):
        for turn in range(2):
            here.leader(lambda: worked.append(here.rank))
            assert len(worked) > turn
        here.wait()

    assert at_once(*(partial(go, here) for here in worlds)) == [None] * 3
    assert worked == [0, 0]


def test_what_the_leader_refuses_all_raise_and_one_tells():
    def refuse():
        raise InputError("no such folder")

    errors = at_once(*(partial(here.leader, refuse) for here in ranks(3)))
    assert [(type(error), str(error)) for error in errors] == [(InputError, "no such folder")] * 3
    assert sorted(error.told for error in errors) == [False, True, True]


def test_who_waits_for_one_that_stopped_ends_too():
    first, second, third = ranks(3)
    error = RunError("the disk is full")
    second.tell(error)
    assert not error.told
    for wait in (first.wait, partial(third.leader, None)):
        with pytest.raises(RunError, match=r"^process 1 of the run stopped: the disk is full$") as raised:
            wait()
        assert raised.value.told


def test_of_those_that_stop_for_the_same_reason_one_tells_it():
    worlds = ranks(3)
    errors = [RunError("the disk is full"), RunError("the disk is full"), RunError("another")]
    for here, error in zip(worlds, errors, strict=True):
        here.tell(error)
    assert [error.told for error in errors] == [False, True, False]
