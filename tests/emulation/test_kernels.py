"""Every kernel that is compiled runs in the tests."""

import pytest

from pyxai.testing import ops, sample_inputs
from tests.conftest import DTYPES
from tests.emulation.module import MISSING, emulated

if MISSING:
    pytest.skip(f"no {MISSING}", allow_module_level=True)


def test_every_kernel_runs():
    """All that csrc/cuda can launch, counted where it is: no instantiation is out of reach."""
    device = emulated()
    before = device.launches()
    for op in ops():
        assert device.has(op.name)
        for dtype in DTYPES.values():
            for args in sample_inputs(op, dtype=dtype):
                device.call(op.name, args)
    idle = [kernel for kernel, launches in device.launches().items() if launches == before[kernel]]
    assert before and not idle
