"""The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, in a process started with both."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.emulation.module import MISSING, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
if MISSING:
    pytest.skip(f"no {MISSING}", allow_module_level=True)

COMPILER = os.environ.get("CXX", "c++")


def libraries() -> list[str]:
    paths = [
        subprocess.run([COMPILER, f"-print-file-name={name}"], capture_output=True, text=True).stdout.strip()
        for name in ("libasan.so", "libubsan.so")
    ]
    if not all(map(os.path.exists, paths)):
        pytest.skip(f"{shutil.which(COMPILER)} has no shared sanitizers")
    return paths


def under_sanitizers(*arguments: str) -> subprocess.CompletedProcess:
    environment = os.environ | {
        "PYXAI_EMULATION": "sanitized",
        "LD_PRELOAD": " ".join(libraries()),
        "ASAN_OPTIONS": "detect_leaks=0",
        "UBSAN_OPTIONS": "print_stacktrace=1",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def test_every_operator_is_clean():
    selected = ["-m", "not slow", "--device", "emulated", "-k", "emulated or test_every_kernel_runs"]
    files = ["tests/ops/test_all_ops.py", "tests/emulation/test_kernels.py"]
    done = under_sanitizers("-m", "pytest", "-q", "-p", "no:cacheprovider", *selected, *files)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-10000:]
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 500


@pytest.mark.parametrize("kernel", ["one_too_far", "one_too_early"])
def test_a_mistake_ends_the_process_and_is_named(kernel):
    program = f"""
import torch
from tests.emulation.module import wrong
wrong().call({kernel!r}, (torch.linspace(-3, 5, 256), 64, 256))
"""
    done = under_sanitizers("-c", program)
    assert done.returncode != 0
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr
    assert f"wrong: {kernel}, block (0, 0), thread 0 is at fault" in done.stderr
