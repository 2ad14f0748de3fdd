"""`docs/adding-a-method.md` is true: in a copy of the checkout its two files are a method, by themselves."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import pyxai

ROOT = Path(__file__).parents[2]
COPIED = ("pyxai", "tests", "tools", "benchmarks", "docs", "examples", "csrc")


def call(folder: Path, *arguments: str) -> str:
    """Run ``python -m …`` in the copy; returns what it printed."""
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_two_files_of_the_page_are_a_method(tmp_path):
    copy = tmp_path / "copy"
    for name in COPIED:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy / name)
    page = (ROOT / "docs/adding-a-method.md").read_text()
    files = re.findall(r"^## \d\. [^\n]*: `(\S+\.py)`$.*?```python\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    assert [Path(name).name for name, _ in files] == ["absolute_gradient.py", "test_absolute_gradient.py"]
    for name, text in files:
        (copy / name).write_text(text)

    assert "absolute_gradient" in call(copy, "pyxai", "methods")
    np.save(copy / "images.npy", np.random.default_rng(0).random((6, 3, 32, 32), np.float32))
    explain = ["pyxai", "explain", "--model", "pyxai.demo.networks:digits", "--data", "images.npy"]
    explain += ["--method", "absolute_gradient", "--set", "factor=2", "--out", "run.zarr"]
    call(copy, *explain)
    found = pyxai.open(copy / "run.zarr")
    assert found.manifest["options"]["factor"] == 2.0 and (found.status == 1).all()
    maps = found[:].heatmap()
    (
        copy / "run.zarr" / "status" / "c" / "0"
    ).unlink()  # as if it had been killed before this chunk was committed
    call(copy, *explain, "--resume")
    assert np.array_equal(pyxai.open(copy / "run.zarr")[:].heatmap(), maps) and maps.min() >= 0

    tests = ["pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "-k"]
    everywhere = "test_every_method.py", "test_method.py", "gradient"
    told = call(copy, *tests, "absolute_gradient", *(f"tests/methods/{name}" for name in everywhere))
    assert int(re.search(r"(\d+) passed", told)[1]) >= 8
    call(
        copy, *tests, "not deselected", "tests/tools/test_methods_table.py"
    )  # before the docs are built, too
    call(copy, "tools.methods_table")
    assert "| `factor` | `float` | `1.0` |" in (copy / "docs/methods/gradient.md").read_text()
    call(copy, *tests, "not deselected", "tests/tools/test_methods_table.py")
