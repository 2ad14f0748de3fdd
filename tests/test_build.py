"""The build itself: its three configurations, its switches, and the plain C++ tests of the kernels."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMPILER = shutil.which(os.environ.get("CXX", "c++"))

needs_make = pytest.mark.skipif(not (shutil.which("make") and shutil.which("bash")), reason="no make or bash")
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler")
needs_nvcc = pytest.mark.skipif(shutil.which("nvcc") is None, reason="no nvcc")


@pytest.fixture
def checkout(tmp_path):
    """A copy of what the build reads, with one operator's kernels, so that a build takes seconds."""
    tree = tmp_path / "pyxai"
    ignore = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "pyxai", tree / "pyxai", ignore=ignore)
    shutil.copytree(ROOT / "csrc", tree / "csrc")
    for name in ("Makefile", "setup.py", "pyproject.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, tree)
    for path in [*(tree / "csrc/cpu").iterdir(), *(tree / "csrc/cuda").iterdir()]:
        if path.stem != "path_points":
            path.unlink()
    return tree


def run(command, tree, **environment):
    """Runs Python in ``tree``; of the build's own switches it sees only those in ``environment``."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYXAI_")}
    return subprocess.run(
        [sys.executable, *command], cwd=tree, capture_output=True, text=True, env=inherited | environment
    )


def build(tree, **environment):
    """Builds in place; (exit code, what it said)."""
    done = run(["setup.py", "build_ext", "--inplace"], tree, **environment)
    return done.returncode, done.stdout + done.stderr


def make(tree, *arguments):
    """`make build` without its installations; (exit code, what it said)."""
    python = tree / "venv/bin/python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (tree / "venv/ready").touch()
    environment = {
        name: value
        for name, value in os.environ.items()
        if name != "V" and not name.startswith(("PYXAI_", "MAKE"))
    }
    done = subprocess.run(
        ["make", "build", "VENV=venv", *arguments],
        cwd=tree,
        env=environment | {"PYXAI_CUDA": "0"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return done.returncode, done.stdout


def modules(tree):
    return list((tree / "pyxai").glob("_C*.so"))


def status(tree):
    """{(operator, device): (backend, why)} of the package in ``tree``."""
    program = (
        "import json, warnings; warnings.simplefilter('ignore'); import pyxai.ops; "
        "print(json.dumps([list(row.values()) for row in pyxai.ops.status()]))"
    )
    # -S: an editable install's finder would supply the compiled module of the checkout under test.
    done = run(["-S", "-c", program], tree, PYTHONPATH=sysconfig.get_path("purelib"))
    assert done.returncode == 0, done.stderr
    return {(op, device): (backend, why) for op, device, backend, why in json.loads(done.stdout)}


@pytest.mark.slow
@needs_compiler
def test_without_cuda(checkout):
    code, said = build(checkout, PYXAI_CUDA="0", PYXAI_NATIVE="1")
    assert code == 0, said
    rows = status(checkout)
    assert rows["path_points", "cpu"] == ("native", "")
    backend, why = rows["path_points", "cuda"]
    assert backend == "reference"
    assert "PYXAI_CUDA=0" in why


@pytest.mark.slow
@needs_make
@needs_compiler
def test_make_says_little(checkout):
    """Warnings are shown and commands are not, which V=1 does."""
    source = checkout / "csrc/cpu/path_points.cpp"
    source.write_text("#warning look here\n" + source.read_text())
    code, said = make(checkout)
    assert code == 0, said
    assert modules(checkout)
    assert "look here" in said
    assert "-ffp-contract=off" not in said
    assert len(said.splitlines()) <= 12
    source.write_text(source.read_text().replace("look here", "look again"))
    code, said = make(checkout, "V=1")
    assert code == 0, said
    assert "look again" in said
    assert "-ffp-contract=off" in said


@needs_make
@needs_compiler
def test_make_shows_errors(checkout):
    for name in ("cpu/path_points.cpp", "bindings/module.cpp"):
        source = checkout / "csrc" / name
        source.write_text(f'#include "missing/{name}.h"\n' + source.read_text())
    code, said = make(checkout)
    assert code != 0
    assert "fatal error: missing/cpu/path_points.cpp.h: No such file or directory" in said
    assert "fatal error: missing/bindings/module.cpp.h: No such file or directory" in said
    assert not (checkout / "venv/built").exists()


@pytest.mark.slow
def test_without_compiled_module(checkout, tmp_path):
    """A wheel of Python alone, which installs and gives the reference's answers."""
    done = run(
        ["-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path, "."],
        checkout,
        PYXAI_NATIVE="0",
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.name.endswith("-py3-none-any.whl")
    done = run(["-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path / "site", wheel], tmp_path)
    assert done.returncode == 0, done.stderr
    assert not modules(tmp_path / "site") and (tmp_path / "site/pyxai/py.typed").exists()
    assert {backend for backend, _ in status(tmp_path / "site").values()} == {"reference"}


@pytest.mark.slow
def test_failing_compiler(checkout):
    """Leaves a package that works and says what happened, unless the module was insisted on."""
    code, said = build(checkout, CXX="false", PYXAI_CUDA="0")
    assert code == 0, said
    assert "pyxai: the compiled module was not built" in said
    assert "PYXAI_NATIVE=1 makes this an error" in said
    assert not modules(checkout)
    assert status(checkout)["path_points", "cpu"][0] == "reference"
    code, _ = build(checkout, CXX="false", PYXAI_CUDA="0", PYXAI_NATIVE="1")
    assert code != 0


def test_insisting_on_cuda_without_nvcc(checkout):
    code, said = build(checkout, PYXAI_CUDA="1", PYXAI_NATIVE="1", CUDA_HOME=str(checkout / "nowhere"))
    assert code != 0
    assert "PYXAI_CUDA=1 but nvcc was not found" in said


@pytest.mark.slow
@needs_compiler
@needs_nvcc
def test_cuda_objects_follow_their_headers(checkout):
    """An edited header recompiles the CUDA sources, also where torch writes no dependency files for them."""
    environment = {"PYXAI_CUDA": "1", "PYXAI_NATIVE": "1", "TORCH_CUDA_ARCH_LIST": "8.0"}
    code, said = build(checkout, **environment)
    assert code == 0, said
    (compiled,) = checkout.rglob("csrc/cuda/path_points.o")
    before = compiled.stat().st_mtime
    code, said = build(checkout, **environment)
    assert code == 0, said
    assert compiled.stat().st_mtime == before
    time.sleep(1)
    (checkout / "csrc/kernels/path_points.h").touch()
    code, said = build(checkout, **environment)
    assert code == 0, said
    assert compiled.stat().st_mtime > before
    assert status(checkout)["path_points", "cuda"] == ("native", "")


def test_sources_see_only_the_stable_abi():
    """What includes ATen or c10 would have to be built again for every torch."""
    for path in (ROOT / "csrc").rglob("*.*"):
        assert not re.search(r'#include\s*[<"](ATen|c10)/', path.read_text()), path


@needs_compiler
@pytest.mark.skipif(shutil.which("cmake") is None, reason="no cmake")
@pytest.mark.parametrize(
    "sets", ["x86-64", pytest.param("x86-64;x86-64-v3;x86-64-v4", marks=pytest.mark.slow)]
)
def test_kernels_in_plain_cpp(tmp_path, sets):
    """The C++ tests, each compiled for some instruction sets, of which a processor skips those it lacks."""
    for command in (
        ["cmake", "-S", ROOT, "-B", tmp_path, "-DPython_EXECUTABLE=none", f"-DPYXAI_TEST_SETS={sets}"],
        ["cmake", "--build", tmp_path, "--target", "kernel_tests"],
        ["ctest", "--test-dir", tmp_path, "--output-on-failure"],
    ):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"100% tests passed, 0 tests failed out of \d+", done.stdout)
