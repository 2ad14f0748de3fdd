"""torchrun shares one run out among its processes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from pyxai import engine
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
    again = torchrun(*arguments)
    assert again.returncode != 0
    assert again.stderr.count("exists: continue it with --resume") == 1
