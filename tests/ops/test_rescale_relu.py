"""The Rescale rule of a ReLU: values by hand, the kink, and differences of a few units in the last place."""

import pytest
import torch

from pyxai.ops import rescale_relu, rescale_relu_
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    both = [op for op in ops() if op.name in ("rescale_relu", "rescale_relu_")]
    assert len(both) == 2
    for op in both:
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


def test_over_the_input(dtype):
    multiplier, x, x0 = (torch.randn(3, 2, 33, 35).to(dtype) for _ in range(3))
    expected = rescale_relu(multiplier, x, x0)
    rescale_relu_(x, multiplier, x0)
    assert torch.equal(x, expected)


def test_one_input_cannot_take_all_multipliers():
    with pytest.raises(ValueError, match=r"^rescale_relu_: `input` must hold 3 rows, got 1"):
        rescale_relu_(torch.ones(1, 4), torch.ones(3, 4), torch.ones(1, 4))
