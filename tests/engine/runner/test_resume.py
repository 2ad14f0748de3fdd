"""kill -9 at random moments, then --resume at another batch size: the bits of an undisturbed run."""

import dataclasses
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import zarr

from pyxai import engine
from pyxai.engine import InputError, Job
from pyxai.engine.runner.prepare import Prepared
from pyxai.engine.store import layout
from pyxai.engine.store.layout import bytes_needed
from pyxai.engine.store.lock import Writing
from pyxai.engine.store.store import Store
from tests.engine.conftest import TINY, assert_same_arrays, fill_folder, flip

ROOT = Path(__file__).parents[3]


METHODS = {
    "smoothgrad": {"samples": 8},
    "attribution_visualization": {"steps": 2, "attribution": "layer_gradient_x_activation"},
}


def command(data: Path, out: Path, method: str, batch_size: int) -> list[str]:
    chosen = [f"--set={name}={value}" for name, value in METHODS[method].items()]
    options = ["--method", method, *chosen, "--rows", "16", "--quiet", "--resume"]
    paths = ["--model", f"{TINY}:wide_net", "--data", str(data), "--out", str(out)]
    return [sys.executable, "-m", "pyxai", "explain", *paths, *options, "--batch-size", str(batch_size)]


def begin(data: Path, out: Path, method: str, batch_size: int) -> subprocess.Popen:
    """A run in a process group of its own, so that nothing of it outlives a kill."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command(data, out, method, batch_size),
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


def committed(out: Path) -> int:
    folder = out / "status" / "c"
    return sum(entry.name.isdigit() for entry in folder.iterdir()) if folder.is_dir() else 0


def kill_and_resume(tmp_path: Path, images: int, kills: int, method: str = "smoothgrad") -> None:
    data = fill_folder(tmp_path / "photos", images, 24)
    dice = random.Random(5)
    out = tmp_path / "killed.zarr"
    job = Job(f"{TINY}:wide_net", data, out, method, METHODS[method], rows=16)
    whole = engine.run(dataclasses.replace(job, out=tmp_path / "whole.zarr")).store
    chunks = Store(whole).chunks
    killed = 0
    for number in range(kills):
        # A chunk or more of this round is done, and some part of the next one.
        wanted = max(committed(out), number * chunks // (kills + 1))
        process = begin(data, out, method, dice.choice([1, 7, 20, 64, 100]))
        while committed(out) <= wanted and process.poll() is None:
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.1))
        killed += process.poll() is None
        if number % 2 == 0:
            process.kill()  # alone: what it watches over ends with it, and a moment later
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()
    assert killed == kills, "a run ended before it could be killed"
    engine.run(dataclasses.replace(job, resume=True, batch_size=33))
    assert_same_arrays(whole, out)
    assert not list(out.rglob("*.partial"))


@pytest.mark.parametrize("method", METHODS)
def test_killed_and_resumed(tmp_path, method):
    kill_and_resume(tmp_path, images=64 * 3 - 20, kills=1, method=method)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_killed_ten_times_and_resumed(tmp_path):
    kill_and_resume(tmp_path, images=64 * 24 - 20, kills=10)


def test_what_a_kill_leaves_behind_is_cleaned_and_not_trusted(job):
    """As after a kill between the maps and the status of a chunk: garbage, a temporary file, a torn line."""
    whole = engine.run(job())
    out = job().out.with_name("torn.zarr")
    engine.run(job(out=out, shard=(0, 3)))
    zarr.open_group(str(out), mode="r+")["heatmap"][64:128] = 1e9
    (out / "heatmap" / "c" / "1" / "0" / "0.0123abcd.partial").write_bytes(b"half")
    (out / "score" / "c" / "1.0123abcd.partial").write_bytes(b"half")
    with open(out / "errors.jsonl", "a") as file:
        file.write('{"row": 70, "pa')
    assert np.isnan(engine.open(out).arrays["score"][70])
    engine.run(job(out=out, resume=True))
    assert_same_arrays(whole.store, out)
    assert not list(out.rglob("*.partial"))
    assert engine.open(out).errors == []


@pytest.mark.slow
def test_decode_workers_do_not_outlive_a_killed_run(tmp_path):
    data = fill_folder(tmp_path / "photos", 640, 24)
    process = subprocess.Popen(
        [*command(data, tmp_path / "run.zarr", "smoothgrad", 64), "--workers", "2"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while committed(tmp_path / "run.zarr") < 1:
        assert process.poll() is None
        time.sleep(0.01)
    (run,) = children(process.pid)  # of the process that watches over it
    workers = [run, *children(run)]
    assert len(workers) >= 3
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{pid}").exists() for pid in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_another_array_of_the_same_shape_is_not_taken_for_the_first(tmp_path):
    generator = np.random.default_rng(0)
    for name in ("a", "b"):
        np.save(tmp_path / f"{name}.npy", generator.random((70, 3, 8, 8), dtype=np.float32))
    job = Job(f"{TINY}:net", tmp_path / "a.npy", tmp_path / "run.zarr", "saliency", shard=(0, 2))
    engine.run(job)
    with pytest.raises(InputError, match=r"images\.names is "):
        engine.run(dataclasses.replace(job, data=tmp_path / "b.npy", shard=(1, 2), resume=True))


def test_what_was_damaged_is_done_again(job):
    whole = engine.run(job()).store
    out = job().out.with_name("damaged.zarr")
    engine.run(job(out=out))
    flip(out / "heatmap" / "c" / "0" / "0" / "0")
    (out / "score" / "c" / "1").unlink()
    os.truncate(out / "status" / "c" / "2", 5)
    with pytest.warns(UserWarning, match=r"damaged\.zarr: rows 64 to 127: `score` is missing; done again"):
        assert engine.run(job(out=out, resume=True)).rows == 150
    assert_same_arrays(whole, out)


def test_a_run_that_is_done_is_not_captured_again(job, monkeypatch):
    engine.run(job())
    monkeypatch.setattr(Prepared, "capture", lambda self: pytest.fail("nothing is to be done"))
    summary = engine.run(job(resume=True))
    assert (summary.done, summary.rows) == (150, 0)


def test_a_second_process_for_the_same_chunks_is_refused_and_others_are_not(job):
    engine.run(job(shard=(0, 3)))
    with Writing(job().out, (1, 3)):
        with pytest.raises(InputError, match=r"shard 0/1 is being written: process .* has 1/3"):
            engine.run(job(resume=True))
        engine.run(job(shard=(2, 3)))
    assert engine.run(job(resume=True)).rows == 64


def test_images_that_are_large_have_chunks_of_fewer_rows(job, tmp_path, monkeypatch):
    whole = engine.run(job()).store
    monkeypatch.setattr(layout, "_LARGEST_CHUNK", 20 * bytes_needed(Store(whole).manifest["arrays"], 1))
    for shard in range(2):
        engine.run(job(out=tmp_path / "small.zarr", shard=(shard, 2)))
    store = Store(tmp_path / "small.zarr")
    assert (store.chunk, store.chunks) == (20, 8)
    assert_same_arrays(whole, store.path)
