"""What nvcc says is read: registers, stack and spills of each kernel on each architecture."""

import shutil

import pytest

from tools import kernel_resources
from tools.kernel_resources import Resources, parse

SAID = """
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN5pyxai12noise_kernelINS_6NormalEfEEvPT0_PKlS5_mll' for 'sm_80'
ptxas info    : Function properties for _ZN5pyxai12noise_kernelINS_6NormalEfEEvPT0_PKlS5_mll
    16 bytes stack frame, 4 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 40 registers, used 0 barriers, 16 bytes cumulative stack size, 400 bytes cmem[0]
ptxas info    : Compiling entry function '_ZN5pyxai19update_count_kernelEPlPKlll' for 'sm_90'
ptxas info    : Function properties for _ZN5pyxai19update_count_kernelEPlPKlll
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 45 registers, used 0 barriers
"""


@pytest.mark.skipif(shutil.which("c++filt") is None, reason="no c++filt")
def test_each_kernel_is_read():
    assert parse(SAID) == [
        Resources("noise_kernel<Normal, float>", "sm_80", 40, 16, 12),
        Resources("update_count_kernel", "sm_90", 45, 0, 0),
    ]


def test_a_compiler_that_fails_is_heard(tmp_path, monkeypatch):
    nvcc = tmp_path / "nvcc"
    nvcc.write_text("#!/bin/sh\necho no such thing >&2\nexit 2\n")
    nvcc.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(RuntimeError, match="no such thing"):
        kernel_resources.resources()
