"""The quotient of LRP: signs, zeros, and what the generic suite does not know."""

import pytest
import torch

from pyxai.ops import stabilised_divide, stabilised_divide_
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    both = [op for op in ops() if op.name in ("stabilised_divide", "stabilised_divide_")]
    assert len(both) == 2
    for op in both:
        for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
            assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def test_the_sign_of_zero_is_positive(dtype):
    z = torch.tensor([[2.0, -2.0, 0.0, -0.0]], dtype=dtype)
    quotient = stabilised_divide(torch.ones_like(z), z, epsilon=0.5)
    assert torch.equal(quotient, torch.tensor([[0.4, -0.4, 2.0, 2.0]], dtype=dtype))


def test_a_zero_denominator_gives_zero():
    z = torch.tensor([[4.0, 0.0, -0.0]])
    numerator, factor = torch.tensor([[2.0, 3.0, 0.0]]), torch.tensor([[6.0, 1.0, 1.0]])
    assert torch.equal(stabilised_divide(numerator, z, factor), torch.tensor([[3.0, 0.0, 0.0]]))


def test_one_denominator_for_all():
    numerator, z = torch.randn(3, 2, 4, 5), torch.randn(1, 2, 4, 5)
    shared = stabilised_divide(numerator, z, z, 0.1)
    each = z.expand(3, -1, -1, -1)
    assert torch.equal(shared, stabilised_divide(numerator, each, each, 0.1))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_that_of_the_denominator(layout):
    z = torch.randn(2, 3, 4, 5).contiguous(memory_format=layout)
    quotient = stabilised_divide(torch.randn(2, 3, 1, 1).expand(2, 3, 4, 5), z)
    assert quotient.is_contiguous(memory_format=layout)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"epsilon": -1e-6}, ValueError, "`epsilon` must not be negative, got -1e-06"),
        ({"epsilon": float("nan")}, ValueError, "`epsilon` must not be negative, got nan"),
        ({"denominator": torch.ones(3, 4)}, ValueError, "`denominator` must hold 1 or 2 rows, got 3"),
        ({"factor": torch.ones(2, 5)}, ValueError, r"`factor` must have shape \(N, 4\), got \(2, 5\)"),
        ({"factor": torch.ones(2, 4).double()}, TypeError, "`factor` must be torch.float32 like `numerator`"),
    ],
)
def test_messages(change, error, message):
    args = {"numerator": torch.ones(2, 4), "denominator": torch.ones(2, 4), "factor": torch.ones(1, 4)}
    with pytest.raises(error, match=f"^stabilised_divide: {message}"):
        stabilised_divide(**(args | change))


def test_over_the_denominator(dtype):
    """Also where the factor is the denominator: the value of a ReLU, in its rule."""
    numerator, z = torch.randn(3, 2, 33, 35).to(dtype), torch.randn(3, 2, 33, 35).to(dtype).relu()
    for factor in (None, z, torch.randn(3, 2, 33, 35).to(dtype)):
        expected = stabilised_divide(numerator, z, factor, 1e-3)
        quotient = z.clone()
        stabilised_divide_(quotient, numerator, quotient if factor is z else factor, 1e-3)
        assert torch.equal(quotient, expected)


def test_one_denominator_cannot_take_all_quotients():
    with pytest.raises(ValueError, match=r"^stabilised_divide_: `denominator` must hold 3 rows, got 1"):
        stabilised_divide_(torch.ones(1, 4), torch.ones(3, 4))
