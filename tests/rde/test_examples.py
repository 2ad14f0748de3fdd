"""The experiments run; their pictures are looked at by people."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine import tiny
from tests.engine.conftest import fill_folder

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]


def run(script, *arguments):
    command = [sys.executable, "-m", f"examples.rde.{script}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_polar():
    """Figure 2 in numbers: only the angle, kept, costs nothing."""
    lines = dict(line.split(" kept: expected distortion ") for line in run("polar").splitlines())
    assert float(lines.pop("polar, angle")) == 0
    assert all(float(value) > 0.05 for value in lines.values())


@pytest.mark.parametrize("script", ["compression", "sensitivity", "artefact", "galleries"])
def test_script(script, tmp_path):
    data = fill_folder(tmp_path / "photos", 3, size=32)
    budget = ("--levels", 2, "--steps", 2, "--samples", 2, "--count", 2)
    model = f"{tiny.__file__}:prepared_net"
    out = tmp_path / "out"
    printed = run(script, "--model", model, "--data", data, "--out", out, *budget)
    pictures = list(out.glob("*.png"))
    assert pictures and all(path.name in printed for path in pictures)
