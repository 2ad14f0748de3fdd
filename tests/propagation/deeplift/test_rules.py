"""Rescale and its relatives: quotients of differences, exact to the last digits, and derivatives near by."""

import math

import pytest
import torch

from pyxai.propagation.deeplift import rules
from tests.graphs import distance, pixels
from tests.propagation.paired import SHAPE, X0, Pair, X

aten = torch.ops.aten
ROW, COLUMN, OTHER = pixels(6, seed=3), pixels(4, seed=4), pixels(6, 6, seed=5)


def positive(net, x):
    return net.call(aten.add.Tensor, net.call(aten.softplus.default, x), 0.2)


def flipped(net, x):
    return net.call(aten.flip.default, x, [1])


SMOOTH = {
    "relu": (lambda net, x: net.call(aten.relu.default, x), rules.RescaleReLU),
    "gelu": (lambda net, x: net.call(aten.gelu.default, x), rules.Rescale),
    "square": (lambda net, x: net.call(aten.square.default, x), rules.Rescale),
    "log": (lambda net, x: net.call(aten.log.default, positive(net, x)), rules.Rescale),
    "inverse": (lambda net, x: net.call(aten.reciprocal.default, positive(net, x)), rules.Rescale),
    "product": (lambda net, x: net.call(aten.mul.Tensor, x, flipped(net, x)), rules.Product),
    "product with itself": (lambda net, x: net.call(aten.mul.Tensor, x, x), rules.Product),
    "matrices": (lambda net, x: net.call(aten.matmul.default, x, flipped(net, x)), rules.Product),
    "quotient": (lambda net, x: net.call(aten.div.Tensor, x, positive(net, x)), rules.Quotient),
    "one by the image": (
        lambda net, x: net.call(aten.div.Tensor, net.tensor(ROW), positive(net, x)), rules.Quotient,
    ),
    "softmax": (lambda net, x: net.call(aten.softmax.int, x, 1), rules.Softmax),
    "log_softmax": (lambda net, x: net.call(aten.log_softmax.int, x, -1), rules.Softmax),
    "layer norm": (
        lambda net, x: net.call(aten.layer_norm.default, x, [6], net.tensor(ROW)), rules.Normalisation,
    ),
    "group norm": (
        lambda net, x: net.call(aten.group_norm.default, x, 2, net.tensor(COLUMN)), rules.Normalisation,
    ),
    "rms norm": (lambda net, x: net.call(aten.rms_norm.default, x, [6]), rules.Normalisation),
    "norm": (lambda net, x: net.call(aten.linalg_vector_norm.default, x, 2, [2, 3]), rules.VectorNorm),
    "norm that keeps its axis": (
        lambda net, x: net.call(aten.linalg_vector_norm.default, x, 2, [1], True), rules.VectorNorm,
    ),
    "norm of third powers": (
        lambda net, x: net.call(aten.linalg_vector_norm.default, x, 3, [1]), rules.VectorNorm,
    ),
    "norm of broken powers": (
        lambda net, x: net.call(aten.linalg_vector_norm.default, x, 1.5, [2, 3]), rules.VectorNorm,
    ),
    "logsumexp": (lambda net, x: net.call(aten.logsumexp.default, x, [1]), rules.LogSumExp),
    "logsumexp that keeps its axes": (
        lambda net, x: net.call(aten.logsumexp.default, x, [-1, 1], True), rules.LogSumExp,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SMOOTH)
def test_each_step_takes_its_rule_and_accounts_for_its_change(name):
    make, kind = SMOOTH[name]
    pair = Pair(make)
    assert type(pair.rule) is kind
    assert pair.completeness_error() <= 1e-13
    one = Pair(make, baseline=X0[:1])  # one baseline for all images
    assert one.completeness_error() <= 1e-13


@pytest.mark.parametrize("name", SMOOTH)
def test_near_the_baseline_the_multiplier_is_the_gradient(name):
    make, _ = SMOOTH[name]
    pair = Pair(make, baseline=X - 1e-9 * X0)
    mean, _ = pair.multipliers()
    leaf = X.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(
        pair.walk.forward(leaf, keep_all=True)[pair.walk.end], leaf, pair.weights
    )
    assert distance(mean, gradient) <= 1e-6


NORM = aten.linalg_vector_norm.default
AT_ZERO = {
    "root": lambda net, x: net.call(aten.sqrt.default, net.call(aten.abs.default, x)),
    "power below one": lambda net, x: net.call(aten.pow.Tensor_Scalar, net.call(aten.square.default, x), 0.3),
    "norm": lambda net, x: net.call(NORM, x, 2, [1]),
    "norm of third powers": lambda net, x: net.call(NORM, x, 3, [1]),
    "norm of roots": lambda net, x: net.call(NORM, x, 0.5, [1]),
    "unit length": lambda net, x: net.call(
        aten.div.Tensor, x, net.call(aten.clamp_min.default, net.call(NORM, x, 2, [1], True), 1e-12)
    ),
    "norm without contrast": lambda net, x: net.call(aten.layer_norm.default, x, [6], None, None, 1e-24),
    "logsumexp": lambda net, x: net.call(aten.logsumexp.default, x, [1]),
}


@pytest.mark.parametrize("name", AT_ZERO)
def test_blank_images_and_baselines_are_accounted_for(name):
    """Where a derivative is infinite or a norm nothing, and where image and baseline are the same."""
    part, blank = X * (OTHER > 0), torch.zeros_like(X)
    for images, baseline in (
        (part, blank),
        (blank, X0),
        (part, X0 * (OTHER < 1)),
        (part, part),
        (blank, blank),
    ):
        pair = Pair(AT_ZERO[name], images=images, baseline=baseline)
        mean, _ = pair.multipliers()
        given = mean * (images - baseline)
        assert bool(mean.isfinite().all())
        expected = (pair.weights * pair.change).flatten(1).sum(1)
        assert (given.flatten(1).sum(1) - expected).abs().max() <= 1e-13 * given.abs().sum().clamp(min=1)


@pytest.mark.parametrize("scale", [2.0**-10, 2.0**9])
def test_powers_of_a_norm_neither_overflow_nor_vanish(scale):
    """Torch makes the norm of half-precision numbers of powers in single precision."""
    one, other = (
        Pair(lambda net, x: net.call(NORM, x, 2, [1]), images=(size * X).half(), baseline=(size * X0).half())
        for size in (1.0, scale)
    )
    assert bool(other.change.isfinite().all())
    weights = pixels(*one.change.shape, seed=9).half()
    assert distance(other.multipliers(weights).mean, one.multipliers(weights).mean) <= 1e-2


def test_logsumexp_is_the_logarithm_of_a_sum_of_exponentials():
    """By rescaling each of them."""
    found = Pair(lambda net, x: net.call(aten.logsumexp.default, x, [1])).multipliers().mean

    def written(net, x):
        total = net.call(aten.sum.dim_IntList, net.call(aten.exp.default, x), [1])
        return net.call(aten.log.default, total)

    assert distance(found, Pair(written).multipliers().mean) <= 1e-12


def test_a_relu_is_rescaled_by_its_quotient():
    mean, _ = Pair(SMOOTH["relu"][0]).multipliers(torch.ones(SHAPE, dtype=torch.float64))
    assert distance(mean, (X.relu() - X0.relu()) / (X - X0)) <= 1e-12


def test_a_product_is_shared_midway():
    pair = Pair(SMOOTH["product"][0])
    mean, _ = pair.multipliers(torch.ones(SHAPE, dtype=torch.float64))
    assert distance(mean, 2 * ((X + X0) / 2).flip(1)) <= 1e-13


def test_a_quotient_prefers_the_end_of_the_larger_denominator():
    """Δ(1 / b) for constant a is -a / (b b0) of Δb."""
    pair = Pair(SMOOTH["inverse"][0])
    other = Pair(SMOOTH["one by the image"][0])
    scaled = other.multipliers(torch.ones(SHAPE, dtype=torch.float64)).mean
    assert distance(scaled, ROW * pair.multipliers(torch.ones(SHAPE, dtype=torch.float64)).mean) <= 1e-9


def test_scores_that_a_mask_takes_get_nothing():
    mask = torch.zeros(6, 6, dtype=torch.float64).masked_fill(torch.eye(6, dtype=torch.bool), -torch.inf)
    mask[2] = -torch.inf  # a row without any score
    pair = Pair(
        lambda net, x: net.call(
            aten._safe_softmax.default, net.call(aten.add.Tensor, x, net.tensor(mask)), -1
        )
    )
    mean, _ = pair.multipliers()
    assert bool(mean.isfinite().all()) and not mean[..., 2, :].any()
    assert pair.completeness_error() <= 1e-13


def slope(low, high, difference, first, last, **settings):
    tensors = (torch.tensor([part], dtype=torch.float64) for part in (low, high, difference, first, last))
    return float(rules.slope(*tensors, **settings))


def test_the_slope_is_the_quotient_where_it_tells_more():
    assert slope(1.0, 3.0, 4.0, 0.0, 1.0) == 0.5
    assert slope(1.0, 1.0, 0.0, 0.7, 0.7) == 0.7  # nothing moved: the derivative
    assert slope(0.0, 1e-20, 1e-20, 0.3, 0.3) == pytest.approx(0.3)
    assert slope(0.0, 1.0, 1.0, 0.3, 0.3, far=True) == 1.0  # far apart, equal derivatives say nothing
    assert slope(0.0, 2.0, 4.0, math.inf, 0.1) == 0.5  # a root at zero
    assert slope(0.0, 0.0, 0.0, math.inf, math.inf) == 0.0
    assert slope(1.0, 1 + 2e-15, 1e-15, 1.0, 1.0) == 1.0  # a difference that rounding may have made
    assert slope(1e3, 1e3 + 1.0, 0.5, 1.0, 1.0 + 1e-9, size=1e9) == pytest.approx(1.0)


def test_axes_that_a_step_has_reduced():
    pair = Pair(lambda net, x: net.call(aten.amax.default, x, [-1, 1]))
    step = pair.walk.steps[pair.walk.end]
    assert rules.reduced(step, pair.tape) == (1, 3)
    assert rules.unreduced(step, pair.weights, pair.tape).shape == (3, 1, 6, 1)
