"""Stores that are mutated in every way a disk, a mistake or an enemy may: one line, or what was stored."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from pyxai import engine
from pyxai.engine import InputError, Job, RunError
from pyxai.engine.errors import refusals
from pyxai.engine.store.sheet import draw
from pyxai.engine.store.verify import verify
from tests.engine.conftest import TINY, as_before, fill_folder

COUNT = int(os.environ.get("PYXAI_FUZZ", 60))
"""Mutated stores of each kind."""

VALUES = [
    None, True, False, 0, -1, 1, 3, 64, 65, 2**31, 2**63, 10**30, 0.5, float("nan"), 1e308, "", "x", "../..",
    "\0", "\x1b[31m", "é" * 9999, [], {}, [[]], [1, 2, 3], [-1], {"a": 1}, [None] * 99, "numcodecs.pickle",
    "|O", {"name": "numcodecs.pickle"}, {"name": "sharding_indexed", "configuration": {}}, [0] * 8,
    [10**9] * 3,
]  # fmt: skip


def places(value: object) -> list[tuple]:
    """Every (container, key) within a JSON value."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for key in keys for place in [(value, key), *places(value[key])]]


def mutate_json(file: Path, dice: random.Random) -> None:
    value = json.loads(file.read_text())
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        found = places(value)
        container, key = dice.choice(found) if found else ({}, None)
        if dice.random() < 0.25 and found:
            del container[key]
        elif dice.random() < 0.2 and isinstance(container, dict):
            container[dice.choice(["a", "extra", "../x", "status"])] = dice.choice(VALUES)
        elif found:
            container[key] = dice.choice(VALUES)
    file.write_text(json.dumps(value))


def mutate_lines(file: Path, dice: random.Random) -> None:
    lines = file.read_text().splitlines() or [""]
    at = dice.randrange(len(lines))
    change = {"row": dice.choice(VALUES), "path": dice.choice(VALUES), "status": dice.choice(VALUES)}
    lines[at : at + dice.choice([0, 1, 1, 3])] = dice.choice(
        [[], [json.dumps(change)], ["[" * 9999], ["x" * 2**21], ["{}"], lines[:3], ["\0" * 99]]
    )
    file.write_text("\n".join(lines))


def mutate_bytes(file: Path, dice: random.Random) -> None:
    data = bytearray(file.read_bytes())
    kind = dice.randrange(5)
    if kind == 0:
        del data[dice.randrange(len(data) + 1) :]
    elif kind == 1:
        data[dice.randrange(len(data) + 1) :] = dice.randbytes(dice.randrange(99))
    elif kind == 2:
        data = bytearray(len(data))
    for _ in range(dice.choice([0, 1, 8]) if data else 0):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    file.write_bytes(data)


def mutate_tree(path: Path, dice: random.Random) -> None:
    """Something is gone, or something else, or another thing's."""
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    kind = dice.randrange(6)
    if kind == 1:
        (path / "deep").mkdir(parents=True)
    elif kind == 2:
        path.symlink_to(dice.choice(["/dev/zero", "/etc", "/etc/passwd", ".", "nothing", str(path)]))
    elif kind == 3:
        os.mkfifo(path)
    elif kind == 4:
        path.touch()
    elif kind == 5:
        path.write_bytes(dice.randbytes(99))


def mutate(store: Path, dice: random.Random) -> str:
    files = sorted(path for path in store.rglob("*") if path.is_file() and not path.is_symlink())
    file = dice.choice(files)
    kind = dice.randrange(4)
    if kind == 0:
        path = dice.choice([file, *[above for above in file.parents if store in above.parents]])
        mutate_tree(path, dice)
        return f"{path} replaced"
    ways = {".json": mutate_json, ".jsonl": mutate_lines}
    try:
        (ways.get(file.suffix, mutate_bytes) if kind > 1 else mutate_bytes)(file, dice)
    except ValueError:  # it was mutated before, and is no text any more
        mutate_bytes(file, dice)
    return f"{file} mutated"


def use(store: Path, job: Job) -> None:
    """All that reads or continues a store; each may refuse it, in one line."""

    def read() -> None:
        run = engine.open(store)
        assert np.asarray(run.status).shape == (len(run),)
        assert (repr(run), run.errors) is not None
        for explanation in run:
            assert explanation.heatmap().ndim >= 3
        with refusals():  # as `pyxai render` has it
            draw(run, [0], store.with_suffix(".png"))

    for step in (read, lambda: verify(store), lambda: engine.run(job), lambda: verify(store, mark=True)):
        with contextlib.suppress(InputError, RunError):
            step()


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A run on pictures of one size, one as older versions wrote it, one on several sizes; and their jobs."""
    place = tmp_path_factory.mktemp("fuzz")
    photos = fill_folder(place / "photos", 70)
    mixed = fill_folder(place / "mixed", 4)
    fill_folder(mixed / "large", 3, 16)
    (mixed / "cut.png").write_bytes(b"\x89PNG")
    one = Job(f"{TINY}:net", photos, place / "one.zarr", "saliency", target="top2", resume=True)
    several = Job(None, mixed, place / "several.zarr", "spectral_residual", resume=True)
    for job in (one, several):
        engine.run(job)
    shutil.copytree(one.out, place / "old.zarr")
    as_before(place / "old.zarr")
    return {"one": (one.out, one), "old": (place / "old.zarr", one), "several": (several.out, several)}


def peak_memory(anew=False):
    """Bytes that this process held at most, from now on where it is begun ``anew``."""
    if anew:
        Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["one", "old", "several"])
def test_mutated_stores_are_one_line_or_what_was_stored(stores, tmp_path, kind):
    whole, job = stores[kind]
    before = peak_memory(anew=True)
    for seed in range(COUNT):
        dice = random.Random(seed)
        out = tmp_path / "run.zarr"
        shutil.copytree(whole, out, symlinks=True)
        done = [mutate(out, dice) for _ in range(dice.choice([1, 1, 1, 2]))]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                use(out, Job(**{**vars(job), "out": out}))
            except BaseException as error:
                raise AssertionError(f"seed {seed}: {'; '.join(done)}: {error!r}") from error
        shutil.rmtree(out)
    assert peak_memory() - before < 2**30
