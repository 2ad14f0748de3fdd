"""The libraries of emulated kernels: built once, and again what changed; and the memory of their device."""

import subprocess
import sys

import pytest
import torch

from tests.emulation.module import FLAVOUR, FOLDER, MISSING, ROOT, build, emulated, wrong

if MISSING:
    pytest.skip(f"no {MISSING}", allow_module_level=True)


def make(*options: str) -> subprocess.CompletedProcess:
    command = ["make", "-f", "csrc/emulation/Makefile", f"PYTHON={sys.executable}", f"FLAVOUR={FLAVOUR}"]
    return subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True)


def test_what_is_built_stays():
    build()
    before = (FOLDER / "emulated.so").stat().st_mtime_ns
    build()
    assert make("-q").returncode == 0
    assert (FOLDER / "emulated.so").stat().st_mtime_ns == before


def test_what_changed_is_built_again():
    build()
    commands = make("-n", "-W", "csrc/kernels/uniform_noise.h").stdout
    compiled = [word for word in commands.split() if word.startswith("csrc/") and word.endswith(".cu")]
    assert "csrc/cuda/uniform_noise.cu" in compiled and "csrc/cuda/guided_relu.cu" not in compiled
    assert f"{FOLDER.relative_to(ROOT)}/emulated.so" in commands


def test_words_of_the_whole_projects_build_are_no_words_of_its_own(monkeypatch):
    """`make test TORCH=…` hands TORCH down, and a folder OUT may be in the environment."""
    build()
    monkeypatch.setenv("OUT", "/nowhere")
    assert make("-q", "TORCH=torch==1.0").returncode == 0
    assert "torch==1.0" not in make("-n", "-B", "TORCH=torch==1.0").stdout


def test_an_operator_that_was_added_is_found():
    """Its files alone are enough."""
    assert {path.stem for path in (ROOT / "csrc/cuda").glob("*.cu")} <= {
        path.stem for path in (FOLDER / "cuda").glob("*.o")
    }


def test_arguments_stay_and_changes_are_returned():
    total, rows = torch.zeros(1, 3), torch.ones(2, 3)
    arguments = (total, rows, torch.zeros(2, dtype=torch.int64), torch.tensor([1.0, 2.0]))
    outcome = emulated().call("path_accumulate_", arguments)
    assert torch.equal(total, torch.zeros(1, 3)) and outcome.returned is None
    assert outcome.changed.keys() == {0} and torch.equal(outcome.tensors[0], torch.full((1, 3), 3.0))


def test_memory_that_is_too_much_is_refused():
    with pytest.raises(AssertionError, match="has no 800000000 bytes"):
        emulated().call("guided_relu_", (torch.empty(1, 10**8, dtype=torch.float64), torch.zeros(1, 1)))


def test_an_index_out_of_range_is_named():
    """The wrapper cannot look at it on a GPU; the kernel does."""
    arguments = (torch.zeros(1, 3), torch.ones(2, 3), torch.tensor([0, 1]), torch.ones(2))
    with pytest.raises(RuntimeError, match=r"_kernel<float, float>, block \(0, 0\), thread \d+ does not"):
        emulated().call("path_accumulate_", arguments)


def test_two_modules_count_for_themselves():
    before = emulated().launches()
    wrong().call("sums", (torch.ones(64), 64, 256))
    assert wrong().launches()["sums"] > 0 and emulated().launches() == before
