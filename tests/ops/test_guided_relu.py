"""What guided backpropagation lets through a ReLU, by hand and against the gradient's two masks."""

import pytest
import torch

from pyxai.ops import guided_relu_
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "guided_relu_")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def test_values():
    nan = float("nan")
    value = torch.tensor([[2.0, 2.0, 0.0, -1.0, nan, 2.0, 0.0]])
    guided_relu_(value, torch.tensor([[3.0, -3.0, 3.0, 3.0, 5.0, nan, nan]]))
    expected = torch.tensor([[3.0, 0.0, 0.0, 0.0, 5.0, nan, 0.0]])
    assert torch.equal(value.nan_to_num(7), expected.nan_to_num(7))


def test_it_is_the_gradient_of_a_relu_without_its_negative_part(dtype):
    x, signal = (torch.randn(3, 2, 33, 35).to(dtype) for _ in range(2))
    x.requires_grad_(True)
    gradient = torch.autograd.grad(x.relu(), x, signal)[0].relu()
    value = x.detach().relu()
    guided_relu_(value, signal)
    assert torch.equal(value, gradient)


def test_the_signal_may_have_strides_of_its_own():
    value, signal = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 1, 1).expand(2, 3, 4, 5)
    value = value.contiguous(memory_format=torch.channels_last)
    expected = torch.where((value > 0) & (signal > 0), signal, 0.0)
    guided_relu_(value, signal)
    assert torch.equal(value, expected)


@pytest.mark.parametrize(
    ("signal", "error", "message"),
    [
        (torch.ones(3, 4), ValueError, "`signal` must hold 2 rows, got 3"),
        (torch.ones(2, 5), ValueError, r"`signal` must have shape \(N, 4\), got \(2, 5\)"),
        (torch.ones(2, 4).double(), TypeError, "`signal` must be torch.float32 like `value`"),
    ],
)
def test_messages(signal, error, message):
    with pytest.raises(error, match=f"^guided_relu_: {message}"):
        guided_relu_(torch.ones(2, 4), signal)
