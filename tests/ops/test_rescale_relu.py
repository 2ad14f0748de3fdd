"""The Rescale rule of a ReLU: values by hand, the kink, and differences of a few units in the last place."""

import torch

from pyxai.ops import rescale_relu
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "rescale_relu")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def test_values():
    x = torch.tensor([[3.0, -1.0, 3.0, -1.0, 1.0, -2.0]])
    x0 = torch.tensor([[1.0, -2.0, -1.0, 3.0, 0.0, 0.0]])
    slope = rescale_relu(torch.full_like(x, 2.0), x, x0) / 2
    assert torch.equal(slope, torch.tensor([[1.0, 0.0, 0.75, 0.75, 1.0, 0.0]]))


def test_equal_inputs_give_the_gradient_at_the_baseline():
    x = torch.tensor([[2.0, -2.0, 0.0]])
    assert torch.equal(rescale_relu(torch.ones_like(x), x, x), torch.tensor([[1.0, 0.0, 0.0]]))


def test_neighbouring_numbers_give_a_slope_of_0_or_1(dtype):
    """No threshold is needed: the quotient of the smallest possible difference is exact."""
    x0 = torch.randn(1, 1000, dtype=dtype)
    x = torch.nextafter(x0, torch.full_like(x0, 10.0))
    expected = (x0 > 0).to(dtype)
    assert torch.equal(rescale_relu(torch.ones_like(x), x, x0), expected)


def test_memory_format_is_that_of_the_input():
    x = torch.randn(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    spread = torch.randn(2, 3, 1, 1).expand(2, 3, 4, 5)
    assert rescale_relu(spread, x, torch.randn(1, 3, 4, 5)).is_contiguous(memory_format=torch.channels_last)
