"""RevealCancel by its formula, and the sizes of positive and negative contributions."""

import pytest
import torch

from pyxai.propagation.deeplift.reveal_cancel import RevealCancel, RevealCancelReLU
from tests.graphs import distance, pixels
from tests.propagation.paired import SHAPE, X0, Pair, X

aten = torch.ops.aten
KERNEL = pixels(5, 4, 3, 3, seed=3)
FUNCTIONS = {"relu": (aten.relu.default, RevealCancelReLU), "gelu": (aten.gelu.default, RevealCancel)}


def pair(name):
    """A convolution and an activation."""

    def make(net, x):
        return net.call(FUNCTIONS[name][0], net.call(aten.conv2d.default, x, net.tensor(KERNEL)))

    return Pair(make, rule="reveal_cancel")


def parts():
    """The values of the convolution at image and baseline, and Δ⁺ and Δ⁻ of it."""
    y, y0 = torch.conv2d(X, KERNEL), torch.conv2d(X0, KERNEL)
    size = torch.conv2d((X - X0).abs(), KERNEL.abs())
    return y, y0, (y - y0 + size) / 2, (y - y0 - size) / 2


@pytest.mark.parametrize("name", FUNCTIONS)
def test_parts_of_a_functions_change(name):
    case, (g, kind) = pair(name), FUNCTIONS[name]
    assert type(case.rule) is kind
    y, y0, positive, negative = parts()
    up = (g(y0 + positive) - g(y0) + g(y) - g(y0 + negative)) / 2
    down = (g(y0 + negative) - g(y0) + g(y) - g(y0 + positive)) / 2
    assert distance(up + down, g(y) - g(y0)) <= 1e-12
    step = case.walk.steps[case.walk.end]
    routes, _ = case.rule.plan(step, True)
    assert [form for _, form in routes] == [True]
    mean, spread = pixels(*y.shape, seed=6), pixels(*y.shape, seed=7)
    (found,) = case.rule.backward(step, type(case.multipliers())(mean, spread), case.tape)
    above, below = (mean + spread) * up / positive, (mean - spread) * down / negative
    assert distance(found.mean, (above + below) / 2) <= 1e-9
    assert distance(found.spread, (above - below) / 2) <= 1e-9


@pytest.mark.parametrize("name", FUNCTIONS)
def test_pixels_account_for_the_change(name):
    assert pair(name).completeness_error() <= 1e-13


def test_a_part_that_is_zero_contributes_zero():
    def relu(net, x):
        return net.call(aten.relu.default, x)

    case = Pair(relu, rule="reveal_cancel", images=X0 + X.abs())  # nothing falls
    assert case.completeness_error() <= 1e-14
    mean, spread = case.multipliers(torch.ones(SHAPE, dtype=torch.float64))
    rising = (X0 + X.abs()).relu() - X0.relu()
    assert distance((mean + spread) * X.abs(), rising) <= 1e-12


def test_magnitudes_are_made_once_each_in_the_order_of_the_graph():
    def make(net, x):
        x = net.call(aten.relu.default, net.call(aten.conv2d.default, x, net.tensor(KERNEL)))
        return net.call(aten.relu.default, net.call(aten.mul.Tensor, x, -2.0))

    case = Pair(make, rule="reveal_cancel")
    magnitudes = case.multiplication._magnitudes
    *_, scale, _ = case.walk.calls
    found = magnitudes.of(scale, case.tape)
    assert magnitudes.of(scale, case.tape) is found
    _, y0, positive, negative = parts()
    expected = 2 * ((y0 + positive).relu() - (y0 + negative).relu())
    assert distance(found, expected) <= 1e-12
    assert magnitudes.reads(case.walk.images) == {case.walk.images}
