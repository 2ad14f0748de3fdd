"""Each rule of deconvnets and guided backpropagation as its definition, on the smallest graph that has it."""

import pytest
import torch
import torch.nn.functional as F

from pyxai.capture.calls import result
from pyxai.propagation.signals import Signals
from pyxai.propagation.walk import Walk
from tests.graphs import Written, distance, pixels

aten = torch.ops.aten
SHAPE = (2, 4, 6, 6)
SIGNAL = pixels(*SHAPE, seed=2)


def back(make, rectify="both", signal=None, images=None):
    """What a signal at ``make`` of the images becomes at the images."""
    net = Written(pixels(*SHAPE) if images is None else images)
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


@pytest.mark.parametrize("rectify", ["signal", "both"])
def test_a_relu_that_guards_a_root_rectifies_nothing(rectify):
    """sign(x) · relu(|x|), as ``lp_pool`` has it, is x; a ReLU of an absolute value alone is a ReLU."""

    def guarded(net, x):
        size = net.call(aten.relu.default, net.call(aten.abs.default, x))
        return net.call(aten.mul.Tensor, net.call(aten.sign.default, x), size)

    assert distance(back(guarded, rectify), SIGNAL) <= 1e-15
    alone = back(lambda net, x: net.call(aten.relu.default, net.call(aten.abs.default, x)), rectify)
    assert distance(alone, SIGNAL.clamp(min=0) * pixels(*SHAPE).sign()) <= 1e-15


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


@pytest.mark.parametrize("rectify", ["signal", "both"])
@pytest.mark.parametrize(
    "target, arguments",
    [
        (result(aten.max.dim, 0), (1,)),
        (result(aten.sort.default, 0), (1,)),
        (result(aten.topk.default, 0), (3, 1)),
        (aten.amax.default, ([1, 2],)),
        (aten.maximum.default, (1.0,)),
        (aten.logsumexp.default, ([1],)),
    ],
)
def test_other_operations_give_their_derivative_between_equals_too(target, arguments, rectify):
    tied = pixels(*SHAPE).round()
    arguments = [torch.full((), part).double() if isinstance(part, float) else part for part in arguments]
    leaf = tied.clone().requires_grad_(True)
    value = target(leaf, *arguments)
    signal = pixels(*value.shape, seed=2)

    def written(net, x):
        return net.call(target, x, *(net.tensor(a) if isinstance(a, torch.Tensor) else a for a in arguments))

    found = back(written, rectify, signal, tied)
    assert distance(found, torch.autograd.grad(value, leaf, signal)[0]) <= 1e-15


COMPLEX = torch.complex(pixels(4, 6, 6, seed=5), pixels(4, 6, 6, seed=6))
SPECTRAL = {  # linear and summing steps, whose rules are those of real numbers
    "sum": lambda net, x, c: net.call(aten.add.Tensor, c, x, alpha=2),
    "product": lambda net, x, c: net.call(aten.mul.Tensor, x, c),
    "mean": lambda net, x, c: net.call(aten.mean.dim, net.call(aten.mul.Tensor, x, c), [3], True),
    "dense": lambda net, x, c: net.call(aten.matmul.default, net.call(aten.mul.Tensor, x, c), c),
    "fourier": lambda net, x, c: net.call(aten.fft_fft2.default, x),
}


@pytest.mark.parametrize("part", [aten.real.default, aten.imag.default, aten.abs.default])
@pytest.mark.parametrize("name", SPECTRAL)
def test_complex_numbers_pass_by_their_derivative(name, part):
    def make(net, x):
        return net.call(part, SPECTRAL[name](net, x, net.tensor(COMPLEX)))

    net, leaf = Written(pixels(*SHAPE)), pixels(*SHAPE).requires_grad_(True)
    value = net.module(make(net, net.images))(leaf)
    (expected,) = torch.autograd.grad(value, leaf, pixels(*value.shape, seed=2))
    found = back(make)
    assert distance(found, expected) <= 1e-14


def test_what_torch_has_no_derivative_of_is_named():
    with pytest.raises(
        ValueError, match=r"no rule for the operation `igamma` .*; torch has no derivative of it"
    ):
        back(lambda net, x: net.call(aten.igamma.default, net.call(aten.exp.default, x), x))
