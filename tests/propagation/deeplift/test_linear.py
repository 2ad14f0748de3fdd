"""DeepLIFT's Linear rule: multipliers by the paper's formula, and by parts."""

import pytest
import torch

from pyxai.propagation.deeplift import linear
from tests.graphs import distance, pixels
from tests.propagation.paired import SHAPE, X0, Pair, X

aten = torch.ops.aten
KERNEL = pixels(5, 4, 3, 3, seed=3)
OTHER = pixels(4, 6, 6, seed=4)
ROWS = OTHER.expand(SHAPE)


def convolution(net, x):
    return net.call(aten.conv2d.default, x, net.tensor(KERNEL))


def flipped(net, x):
    return net.call(aten.flip.default, x, [1])


CASES = {
    "convolution": (convolution, linear.Mixing),
    "dense": (lambda net, x: net.call(aten.linear.default, x, net.tensor(pixels(5, 6))), linear.Mixing),
    "average": (lambda net, x: net.call(aten.avg_pool2d.default, x, [3, 3], [2, 2]), linear.Channelwise),
    "bicubic": (
        lambda net, x: net.call(aten.upsample_bicubic2d.vec, x, [9, 9], False, None), linear.Interpolation,
    ),
    "permuted": (lambda net, x: net.call(aten.permute.default, x, [0, 2, 3, 1]), linear.Rearrangement),
    "cast": (lambda net, x: net.call(aten._to_copy.default, x, dtype=torch.float64), linear.Cast),
    "joined": (
        lambda net, x: net.call(aten.cat.default, [x, net.tensor(ROWS), flipped(net, x), x], 1),
        linear.Joined,
    ),
    "sum": (lambda net, x: net.call(aten.sub.Tensor, x, flipped(net, x), alpha=3), linear.Sum),
    "sum with a number": (lambda net, x: net.call(aten.rsub.Scalar, x, 0.7, 2), linear.Sum),
    "sum of two sizes": (
        lambda net, x: net.call(aten.add.Tensor, x, net.call(aten.mean.dim, x, [2, 3], True)), linear.Sum,
    ),
    "product": (lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(OTHER)), linear.Scale),
    "negative": (lambda net, x: net.call(aten.neg.default, x), linear.Scale),
    "selection": (
        lambda net, x: net.call(aten.where.self, net.tensor(OTHER > 0), x, flipped(net, x)), linear.Selection,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_step_takes_its_rule_and_accounts_for_its_change(name):
    make, kind = CASES[name]
    pair = Pair(make)
    assert type(pair.rule) is kind
    assert pair.completeness_error() <= 1e-14
    mean, _ = pair.multipliers()
    leaf = X.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(pair.walk.forward(leaf)[pair.walk.end], leaf, pair.weights)
    assert distance(mean, gradient) <= 1e-13  # of a linear step the multiplier is the gradient


def test_a_layer_mixes_positive_and_negative_parts():
    """Shrikumar et al. 2017, §3.5.1: m⁺ of the input is W⁺ᵀ m⁺ + W⁻ᵀ m⁻ where it rose, and the other way."""
    pair = Pair(convolution)
    above, below = pixels(*pair.change.shape, seed=6), pixels(*pair.change.shape, seed=7)
    found, spread = pair.multipliers((above + below) / 2, (above - below) / 2)
    assert spread is None
    up, down = KERNEL.clamp(min=0), KERNEL.clamp(max=0)

    def transposed(values, weight):
        return torch.conv_transpose2d(values, weight)

    rose = transposed(above, up) + transposed(below, down)
    fell = transposed(above, down) + transposed(below, up)
    assert distance(found, torch.where(X > X0, rose, fell)) <= 1e-13


def test_the_size_of_what_a_layer_makes_of_a_difference():
    """Δ⁺ - Δ⁻ = |W| |Δ|."""
    pair = Pair(convolution)
    step = pair.walk.steps[pair.walk.end]
    found = pair.rule.magnitude(step, pair.tape, None)
    assert distance(found, torch.conv2d((X - X0).abs(), KERNEL.abs())) <= 1e-14


PARTWISE = [name for name, (_, kind) in CASES.items() if issubclass(kind, linear.PartwiseRule)]


@pytest.mark.parametrize("name", PARTWISE)
def test_parts_go_their_own_way(name):
    """Σ of multiplier times part over both parts stays, whatever the sizes of the parts of the pixels."""
    pair = Pair(CASES[name][0])
    size = (X - X0).abs() + pixels(*SHAPE, seed=8).abs()  # at least |Δ|
    spread = pixels(*pair.change.shape, seed=7)
    mean, reached = pair.multipliers(spread=spread)
    made = {pair.walk.images: size}
    for step in pair.walk.steps.values():
        made[step.node] = pair.walk.rules[step].magnitude(step, pair.tape, made.__getitem__)
    given = (mean * (X - X0) + reached * size).flatten(1).sum(1)
    expected = (pair.weights * pair.change + spread * made[pair.walk.end]).flatten(1).sum(1)
    assert distance(given, expected) <= 1e-12
