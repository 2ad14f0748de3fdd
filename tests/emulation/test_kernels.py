"""Every kernel that is compiled runs, and gives what the CPU's loop gives."""

import pytest
import torch

from pyxai.testing import ops, run, sample_inputs
from tests.conftest import DTYPES
from tests.emulation.device import emulation
from tests.emulation.module import MISSING, emulated

if MISSING:
    pytest.skip(f"no {MISSING}", allow_module_level=True)

# Their loops on the CPU add in another order than their kernels for CUDA. The tests of all operators say how
# far both are from the reference.
OTHER_ORDER = {"dwt", "idwt", "obfuscate", "obfuscate_adjoint_"}


def test_every_kernel_runs():
    """All that csrc/cuda can launch, counted where it is: no instantiation is out of reach."""
    device = emulated()
    before = device.launches()
    for op in ops():
        for dtype in DTYPES.values():
            for args in sample_inputs(op, dtype=dtype):
                device.call(op.name, args)
    idle = [kernel for kernel, launches in device.launches().items() if launches == before[kernel]]
    assert before and not idle


def test_the_same_bits_as_on_the_cpu(op, dtype):
    if op.name in OTHER_ORDER:
        pytest.skip("adds in another order")
    for args in sample_inputs(op, dtype=dtype):
        expected, before = run(op.call, args), emulated().launches()
        with emulation():
            actual = run(op.call, args)
        assert all(map(torch.equal, actual, expected)) and emulated().launches() != before
