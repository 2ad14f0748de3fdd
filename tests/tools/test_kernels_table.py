"""The page of kernels is of these kernels, and none of them spills registers."""

import re
import shutil
import subprocess

import pytest

from tests.emulation.module import MISSING, Launched, emulated
from tools import kernels_table
from tools.kernel_resources import Resources
from tools.kernel_traffic import traffic_table
from tools.kernels_table import PAGE, resident, resource_table, stem
from tools.markers import rewrite

needs_emulation = pytest.mark.skipif(MISSING is not None, reason=f"no {MISSING}")


@needs_emulation
def test_the_page_has_every_kernel():
    listed = re.findall(r"^\| `(\w+_kernel)` \| (\d+) \|", PAGE.read_text(), re.M)
    stems = [stem(kernel) for kernel in emulated().launches()]
    assert {name: int(types) for name, types in listed} == {name: stems.count(name) for name in stems}


@needs_emulation
def test_the_page_has_the_bytes_that_are_counted():
    page = PAGE.read_text()
    assert rewrite(page, "traffic", traffic_table()) == page, "run `python -m tools.kernels_table`"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@needs_emulation
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")
def test_no_kernel_spills():
    """What nvcc compiles is what the emulation executes, and takes what the page says."""
    entries = kernels_table.resources()
    assert {entry.kernel for entry in entries} == emulated().launches().keys()
    assert [entry for entry in entries if entry.spilled] == []
    page = PAGE.read_text()
    version = subprocess.run(["nvcc", "--version"], capture_output=True, text=True).stdout
    if re.search(r"the compiler: nvcc (\S+)\.$", page, re.M)[1] in version:
        assert rewrite(page, "resources", resource_table(entries, kernels_table.launched())) == page


@pytest.mark.parametrize(
    ("registers", "threads", "shared", "expected"),
    [(32, 256, 0, 1), (33, 256, 0, 0.75), (255, 1024, 0, 0), (16, 64, 33024, 4 / 32), (16, 32, 0, 0.5)],
)
def test_resident_threads(registers, threads, shared, expected):
    """By hand: 65536 registers in units of 8; 164 KiB of shared memory, 1 for each block; 32 blocks."""
    entry = Resources("any", "sm_80", registers, 0, 0)
    assert resident(entry, Launched(1, threads, shared)) == expected


def test_numbers_of_several_types_are_a_range():
    entries = [
        Resources(f"k_kernel<{kind}>", architecture, registers, 0, 0)
        for architecture in ("sm_80", "sm_90")
        for kind, registers in (("A", 8), ("B", 40))
    ]
    launches = dict.fromkeys(("k_kernel<A>", "k_kernel<B>"), Launched(1, 256, 0))
    row = resource_table(entries, launches).splitlines()[-1]
    assert row == "| `k_kernel` | 2 | 256 | 0 | 8 to 40 | 75 to 100 % | 8 to 40 | 75 to 100 % | 0 | 0 |"
