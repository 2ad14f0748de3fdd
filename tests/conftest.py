"""Options and fixtures of the whole suite: which devices and dtypes the operator tests run on, and skips."""

import functools
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import torch._export.utils
import torch.export.exported_program
from hypothesis import settings

from pyxai.capture import export
from tests import torchvision_shim, traces

torchvision_shim.install()

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # the workers share the cores

# At every capture torch.export looks up hundreds of operators and makes each a kernel that raises: a third of
# the time of a small model's capture, of which the suite makes thousands. No operator is added between them.
for module, name in (
    (torch._export.utils, "_collect_all_valid_cia_ops_for_namespace"),
    (torch.export.exported_program, "autograd_not_implemented"),
):
    setattr(module, name, functools.cache(getattr(module, name)))

settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=25)
settings.load_profile("fixed")

DTYPES = {
    "float64": torch.float64,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
DEVICES = ("cpu", "cuda", "emulated")


def pytest_addoption(parser):
    parser.addoption("--device", choices=DEVICES, help="run the operator tests on this device only")
    parser.addoption("--dtype", choices=DTYPES, help="run the operator tests in this dtype only")


def pytest_generate_tests(metafunc):
    """Parametrise the arguments ``op``, ``device`` and ``dtype`` wherever a test has them."""
    if "op" in metafunc.fixturenames:
        from pyxai import testing

        metafunc.parametrize("op", testing.ops(), ids=lambda op: op.name)
    if "device" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("device")
        real = metafunc.definition.get_closest_marker("real_device")
        metafunc.parametrize(
            "device",
            [
                pytest.param(name, marks=pytest.mark.gpu if name == "cuda" else ())
                for name in DEVICES
                if wanted in (None, name) and not (real and name == "emulated")
            ],
            indirect=True,
        )
    if "dtype" in metafunc.fixturenames:
        wanted = metafunc.config.getoption("dtype")
        names = [name for name in DTYPES if wanted in (None, name)]
        metafunc.parametrize("dtype", [DTYPES[name] for name in names], ids=names)


def pytest_collection_modifyitems(items):
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason="no CUDA device")
    for item in items:
        if "gpu" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def device(request):
    """Where an operator's tensors lie. Emulated, it is a CPU whose operators are those for CUDA."""
    if request.param != "emulated":
        yield request.param
        return
    from tests.emulation import device, module

    if module.MISSING:
        pytest.skip(f"no {module.MISSING}")
    with device.emulation() as name:
        yield name


shared_trace = traces.shared(export._trace)


@pytest.fixture(autouse=True)
def _traces(request, monkeypatch):
    """Captures share their traces, but in the tests of capturing."""
    if "capture" not in request.path.relative_to(request.config.rootpath).parts:
        monkeypatch.setattr(export, "_trace", shared_trace)


@pytest.fixture(autouse=True)
def _memory(request):
    """Large networks go with their test: a graph holds itself, and its weights, until it is collected."""
    yield
    if "slow" in request.keywords:
        gc.collect()


@pytest.fixture
def run_python():
    """Runs a program in a fresh interpreter at the repository root and returns what it printed."""

    def run(program: str, *options: str) -> str:
        command = [sys.executable, *options, "-c", program]
        root = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
