"""Every benchmark still runs; its numbers are not looked at here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from benchmarks import harness
from tests import zoo

NEED_DATA = {"bench_accuracy", "bench_engine", "bench_path"}
SUBJECTS = sorted(path.stem for path in (harness.ROOT / "benchmarks").glob("bench_*.py"))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("captum") is None, reason="needs captum")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_benchmark_runs(subject):
    if subject in NEED_DATA and zoo.missing_data():
        pytest.skip(zoo.missing_data())
    before = {path: path.stat().st_mtime_ns for path in harness.RESULTS.glob("*.json")}
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{subject}", "--quick"],
        cwd=harness.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "quick run: nothing stored" in done.stdout
    assert before == {path: path.stat().st_mtime_ns for path in harness.RESULTS.glob("*.json")}
