"""Which rule of DeepLIFT each step takes: by its operation, and for activations by the option."""

import pytest
import torch

from pyxai.propagation.deeplift import rules
from pyxai.propagation.deeplift.multiplication import CURE
from pyxai.propagation.deeplift.reveal_cancel import RevealCancel, RevealCancelReLU
from tests.graphs import pixels
from tests.propagation.paired import Pair

aten = torch.ops.aten


def dense(net, x):
    return net.call(aten.linear.default, x, net.tensor(pixels(6, 6)))


def convolved(net, x):
    return net.call(aten.conv2d.default, x, net.tensor(pixels(4, 4, 3, 3)))


def scaled(net, x):
    """A dense layer, and scales, shifts and rearrangements behind it."""
    x = net.call(aten.mul.Tensor, dense(net, x), 2.0)
    return net.call(aten.permute.default, net.call(aten.add.Tensor, x, 1.0), [0, 2, 3, 1])


BEHIND = {"pixels": (lambda net, x: x, False), "dense": (dense, True), "convolved": (convolved, False)}
BEHIND["scaled"] = scaled, True
BEHIND["another relu"] = lambda net, x: net.call(aten.relu.default, dense(net, x)), False


@pytest.mark.parametrize("option", ["rescale", "reveal_cancel", "mixed"])
@pytest.mark.parametrize("name", BEHIND)
def test_the_rule_of_a_relu(name, option):
    before, behind_dense = BEHIND[name]
    pair = Pair(lambda net, x: net.call(aten.relu.default, before(net, x)), option)
    reveals = option == "reveal_cancel" or (option == "mixed" and behind_dense)
    assert type(pair.rule) is (RevealCancelReLU if reveals else rules.RescaleReLU)
    assert pair.completeness_error() <= 1e-13


@pytest.mark.parametrize(
    "target, arguments, everywhere",
    [
        (aten.gelu.default, (), True),
        (aten.exp.default, (), True),
        (aten.pow.Tensor_Scalar, (2,), True),
        (aten.pow.Tensor_Scalar, (0.5,), False),
        (aten.sqrt.default, (), False),
        (aten.rsqrt.default, (), False),
    ],
)
def test_reveal_cancel_asks_for_a_function_anywhere(target, arguments, everywhere):
    def make(net, x):
        return net.call(target, net.call(aten.exp.default, x), *arguments)

    assert type(Pair(make, "reveal_cancel").rule) is (RevealCancel if everywhere else rules.Rescale)


def test_a_rule_is_kept_for_its_step():
    pair = Pair(lambda net, x: net.call(aten.relu.default, x))
    step = pair.walk.steps[pair.walk.end]
    assert pair.multiplication.rule(step) is pair.multiplication.rule(step)


@pytest.mark.parametrize(
    "make, operation",
    [
        (lambda net, x: net.call(aten.cumsum.default, x, 1), "cumsum"),
        (lambda net, x: net.call(aten.linalg_vector_norm.default, x, 0, [1]), "linalg_vector_norm"),
        (lambda net, x: net.call(aten.abs.default, net.call(aten.fft_fft2.default, x)), "abs"),
        (lambda net, x: net.call(aten.real.default, net.call(aten.mul.Tensor, x, 1j)), "real"),
    ],
)
def test_an_operation_without_a_rule_is_named_with_its_cure(make, operation):
    with pytest.raises(ValueError, match=f"no rule for the operation `{operation}`") as caught:
        Pair(make)
    assert CURE in str(caught.value)


def test_the_form_of_a_sum_has_a_spread_where_a_part_has():
    multiplication = Pair(lambda net, x: net.call(aten.relu.default, x)).multiplication
    forms = [multiplication.join(None, first, second)[0] for first in (0, 1) for second in (0, 1)]
    assert forms == [0, 1, 1, 1]
