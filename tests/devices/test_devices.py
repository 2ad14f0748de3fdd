"""No device is mixed with another and no tensor made on the wrong one, by all of the package's Python.

It runs on a GPU that is pretended, in a process of its own: `tests/devices/device.py` says how.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import pyxai
from pyxai import testing
from pyxai.methods import get_method
from tests.devices.library import COMPILER
from tests.emulation.module import MISSING

MISTAKES = {
    "unnamed": "zeros without a device at tests/devices/planted.py:",
    "mixed": "aten.add.Tensor of cuda:0 with (3, 1, 1) on cpu at tests/devices/planted.py:",
    "waiting": " 2 times in few steps and 3 times in many",
    "taking": "takes up to 768 values at once to the host, where `host` is ''",
    "staying": "takes up to 1 values at once to the host, where `host` is 'nothing is done with them'",
    "left": "`attribution` is on cpu",
}

pytestmark = [
    pytest.mark.timeout(1200),  # all of it runs for the first test
    pytest.mark.skipif(COMPILER is None, reason="no C++ compiler"),
    pytest.mark.skipif(torch.version.cuda is not None, reason="this torch has CUDA of its own"),
]


def seen(folder, *arguments):
    """What `python -m tests.devices` sees, by kind and name."""
    file = folder / "rows.json"
    command = [sys.executable, "-m", "tests.devices", "--json", str(file), *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert file.exists(), done.stderr
    return json.loads(file.read_text())


def faults(rows):
    """The rows that have some."""
    return {name: row["faults"] for name, row in rows.items() if row["faults"]}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    return seen(tmp_path_factory.mktemp("devices"))


@pytest.mark.parametrize("name", pyxai.list_methods())
def test_a_method_stays_on_the_device_or_says_why_not(rows, name):
    row = rows["method"][name]
    assert row["faults"] == [] and row["runs"] > 0
    assert row["host"] == get_method(name).host


@pytest.mark.parametrize("name", [op.name for op in testing.ops()])
def test_an_operators_python_stays_on_the_device(rows, name):
    row = rows["operator"][name]
    assert row["faults"] == [] and row["runs"] > 0


def test_nothing_is_left_out(rows):
    assert list(rows["method"]) == pyxai.list_methods()
    assert {name for name, row in rows["method"].items() if row["host"]} == {
        "factorized_visualization",
        "region_contrast",
        "spanning_tree",
    }
    assert len(rows["function"]) == 8 and faults(rows["function"]) == {}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_seen(rows, name):
    assert any(MISTAKES[name] in fault for fault in rows["planted"][name]["faults"])


@pytest.mark.slow
@pytest.mark.skipif(MISSING is not None, reason=f"no {MISSING}")
def test_methods_with_the_kernels_for_cuda(tmp_path):
    """The package as a GPU would run it, but for torch's own operations."""
    found = seen(tmp_path, "--kernels", *pyxai.list_methods())["method"]
    assert list(found) == pyxai.list_methods() and faults(found) == {}
