"""The benchmarks on random networks still run; their numbers are not looked at here."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from benchmarks import harness

# those on trained networks take many minutes
SUBJECTS = ("bench_gradients", "bench_noise", "bench_ops", "bench_rde")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(importlib.util.find_spec("captum") is None, reason="needs captum")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_benchmark_runs(subject):
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


@pytest.mark.skipif(importlib.util.find_spec("captum") is None, reason="needs captum")
def test_every_benchmark_can_be_imported():
    """Those that no test runs break by what is renamed elsewhere."""
    names = sorted(path.stem for path in (harness.ROOT / "benchmarks").glob("bench_*.py"))
    lines = "\n".join(f"import benchmarks.{name}" for name in names)
    done = subprocess.run([sys.executable, "-c", lines], cwd=harness.ROOT, capture_output=True, text=True)
    assert names and done.returncode == 0, done.stderr
