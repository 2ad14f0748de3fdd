"""The compiled module as an artefact, and life without it."""

import re
import shutil
import subprocess

import pytest

from pyxai import _native
from pyxai.ops import status

if _native.missing:
    pytest.skip(f"no compiled module ({_native.missing})", allow_module_level=True)

from pyxai import _C

# The program that imports pyxai where no compiled module can be found.
WITHOUT = """
import sys, warnings
sys.modules["pyxai._C"] = None
warnings.simplefilter("always")
with warnings.catch_warnings(record=True) as caught:
    import pyxai
    import pyxai.ops
    import pyxai.ops.normal_noise
"""


def tool(*command: str) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]}")
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_build_info():
    info = _native.build_info()
    assert info.keys() == {"compiler", "cuda_archs", "instruction_set"}
    assert info["instruction_set"] in ("x86-64-v4", "x86-64-v3", "baseline")


def test_no_mangled_torch_symbol():
    """Only the stable C interface of torch is used, so a later torch needs no rebuild."""
    undefined = [line.split()[-1] for line in tool("nm", "-Du", _C.__file__).splitlines()]
    torch_symbols = [name for name in undefined if re.match(r"_Z.*(c10|torch|at[0-9]|aten)", name)]
    assert torch_symbols == []
    assert any(name.startswith("torch_") or name.startswith("aoti_torch_") for name in undefined)


def test_needed_libraries():
    """No CUDA library: the module loads where there is no GPU and no driver."""
    needed = set(re.findall(r"\(NEEDED\).*\[(.*?)\]", tool("readelf", "-d", _C.__file__)))
    system = {"libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libgcc_s.so.1"}
    assert {name for name in needed if not name.startswith("ld-linux")} <= system | {
        "libstdc++.so.6",
        "libc10.so",
        "libtorch_cpu.so",
    }


def test_every_operator_is_native():
    """On the CPU, and on CUDA where nvcc was found; otherwise the reason is given."""
    for row in status():
        if row["device"] == "cpu" or _native.build_info()["cuda_archs"]:
            assert (row["backend"], row["why"]) == ("native", ""), row
        else:
            assert row["backend"] == "reference"
            assert "compiled without CUDA" in row["why"]


def test_holds_device_code():
    """The fat binary is there, for every architecture asked for."""
    if not _native.build_info()["cuda_archs"]:
        pytest.skip("compiled without CUDA")
    assert ".nv_fatbin" in tool("readelf", "-SW", _C.__file__)


def test_without_compiled_module_one_warning_with_the_cure(run_python):
    printed = run_python(WITHOUT + "print(len(caught)); print(caught[0].message)")
    count, message = printed.strip().split("\n")
    assert count == "1"
    assert "pip install --no-build-isolation -e ." in message


def test_without_compiled_module_same_answers(run_python):
    """Every operator gives bitwise what the compiled one gives, but for those that find it in another way:
    `tests/ops/test_all_ops.py` holds these to a few roundings.
    """
    program = """
import hashlib
from pyxai import testing
for op in testing.ops():
    digest = hashlib.sha256()
    for args in testing.sample_inputs(op):
        for tensor in testing.run(op.call, args):
            digest.update(tensor.contiguous().numpy().tobytes())
    print(op.name, digest.hexdigest())
"""
    without, compiled = (
        dict(map(str.split, run_python(code).splitlines())) for code in (WITHOUT + program, program)
    )
    other = {name for name in compiled if without[name] != compiled[name]}
    assert without.keys() == compiled.keys() and other == {"leading_eigenvector", "legrad"}


def test_without_compiled_module_status(run_python):
    printed = run_python(WITHOUT + "for row in pyxai.ops.status(): print(row['backend'], row['why'])")
    assert len(printed.splitlines()) == len(status())
    assert all(line.startswith("reference no compiled module (") for line in printed.splitlines())
