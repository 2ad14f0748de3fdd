"""Each rule of deconvnets and guided backpropagation as its definition, on the smallest graph that has it."""

import operator

import pytest
import torch
import torch.nn.functional as F

from pyxai.propagation.signals import CURE, Signals
from pyxai.propagation.walk import Walk
from tests.graphs import Written, distance, pixels

aten = torch.ops.aten
SHAPE = (2, 4, 6, 6)
SIGNAL = pixels(*SHAPE, seed=2)


def back(make, rectify="both", signal=None):
    """What a signal at ``make`` of the images becomes at the images."""
    net = Written(pixels(*SHAPE))
    node = make(net, net.images)
    module = net.module(node)
    walk = Walk(module, Signals(module, rectify))
    tape = walk.forward(net.images.meta["val"])
    signal = pixels(*node.meta["val"].shape, seed=2) if signal is None else signal
    return walk.backward(tape, signal)


def test_a_convolution_filters_with_turned_weights():
    weight = pixels(5, 4, 3, 3, seed=3)
    found = back(lambda net, x: net.call(aten.conv2d.default, x, net.tensor(weight)))
    assert distance(found, F.conv_transpose2d(pixels(2, 5, 4, 4, seed=2), weight)) <= 1e-13


@pytest.mark.parametrize("rectify", ["signal", "both"])
@pytest.mark.parametrize(
    "target, arguments, slope",
    [
        (aten.relu.default, (), lambda x: (x > 0).double()),
        (aten.leaky_relu.default, (0.1,), lambda x: torch.where(x > 0, 1.0, 0.1 * torch.ones_like(x))),
        (aten.relu6.default, (), lambda x: ((x > 0) & (x < 6)).double()),
        (aten.hardtanh.default, (0.0, 0.5), lambda x: ((x > 0) & (x < 0.5)).double()),
    ],
)
def test_rectified(target, arguments, slope, rectify):
    found = back(lambda net, x: net.call(target, x, *arguments), rectify)
    expected = SIGNAL.clamp(min=0)
    if rectify == "both":
        expected = expected * slope(pixels(*SHAPE))
    assert distance(found, expected) <= 1e-15


@pytest.mark.parametrize("rectify", ["signal", "both"])
def test_other_activations_give_their_derivative(rectify):
    found = back(lambda net, x: net.call(aten.tanh.default, x), rectify)
    assert distance(found, SIGNAL * (1 - pixels(*SHAPE).tanh().square())) <= 1e-14
    clipped = back(lambda net, x: net.call(aten.hardtanh.default, x), rectify)  # from -1 to 1
    assert distance(clipped, SIGNAL * (pixels(*SHAPE).abs() < 1)) <= 1e-15


def test_maxima_go_back_to_where_they_were():
    signal = pixels(2, 4, 3, 3, seed=2)
    found = back(lambda net, x: net.call(aten.max_pool2d.default, x, [3, 3], [2, 2], [1, 1]), signal=signal)
    leaf = pixels(*SHAPE).requires_grad_(True)
    (expected,) = torch.autograd.grad(F.max_pool2d(leaf, 3, 2, 1), leaf, signal)
    assert distance(found, expected) <= 1e-15


def test_a_sum_hands_its_signal_to_every_addend():
    found = back(lambda net, x: net.call(aten.sub.Tensor, x, x, alpha=3))
    assert distance(found, -2 * SIGNAL) <= 1e-14
    found = back(lambda net, x: net.call(aten.add.Tensor, net.call(aten.mean.dim, x, [2, 3], True), x))
    expected = SIGNAL + SIGNAL.mean((2, 3), keepdim=True)
    assert distance(found, expected) <= 1e-13


def test_what_returns_several_tensors_is_named_with_its_cure():
    with pytest.raises(ValueError, match="no rule for the operation `sort`") as caught:
        back(lambda net, x: net.call(operator.getitem, net.call(aten.sort.default, x, 1), 0))
    assert CURE in str(caught.value)
