"""Grad-CAM's map against an einsum, in both layouts; gradients of another layout; error messages."""

import numpy as np
import pytest
import torch

from pyxai.ops import grad_cam
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "grad_cam")
    for shape in ((40, 7, 9), (129, 2, 3), (3, 33, 35)):
        for args in sample_inputs(op, dtype=dtype, shape=shape):
            for layout in (torch.contiguous_format, torch.channels_last):
                args = tuple(arg.contiguous(memory_format=layout) for arg in args)
                assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_formula(layout):
    values, gradient = np.random.default_rng(0).normal(size=(2, 3, 70, 5, 6))
    expected = np.einsum("nchw,nc->nhw", values, gradient.mean((2, 3)))
    found = grad_cam(torch.from_numpy(values).contiguous(memory_format=layout), torch.from_numpy(gradient))
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_no_channels_are_a_map_of_zeros():
    assert torch.equal(grad_cam(*torch.zeros(2, 2, 0, 3, 4)), torch.zeros(2, 3, 4))


@pytest.mark.parametrize(
    ("gradient", "error", "message"),
    [
        (
            torch.zeros(2, 3, 4, 6),
            ValueError,
            r"`gradient` must have shape \(N, 3, 4, 5\), got \(2, 3, 4, 6\)",
        ),
        (torch.zeros(1, 3, 4, 5), ValueError, "`gradient` must hold 2 rows, got 1"),
        (torch.zeros(2, 3, 4, 5).double(), TypeError, "`gradient` must be torch.float32 like `values`, got"),
    ],
)
def test_messages(gradient, error, message):
    with pytest.raises(error, match=f"^grad_cam: {message}"):
        grad_cam(torch.zeros(2, 3, 4, 5), gradient)
