"""torchrun shares one run out among its processes."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch.distributed
from PIL import Image

from pyxai import engine
from pyxai.engine import InputError
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
    rows = f"rows 64 to 71, {names[64]} to {names[71]}"
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


@pytest.mark.parametrize("rank", [0, 1])
def test_the_leader_does_the_work_and_all_raise_what_it_refuses(monkeypatch, rank):
    """One process after the other, with the message handed on."""
    handed = ["no such folder"]

    def broadcast(objects, source):
        assert (objects, source) == ([None] if rank else handed, 0)
        objects[0] = handed[0]

    monkeypatch.setattr(torch.distributed, "broadcast_object_list", broadcast)
    worked = []

    def work():
        worked.append(rank)
        raise InputError("no such folder")

    with pytest.raises(InputError, match=r"^no such folder$"):
        World(rank, 2).leader(work)
    assert worked == ([] if rank else [0])
