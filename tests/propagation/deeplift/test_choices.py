"""Maxima, comparisons and ``where``: exact also where image and baseline choose differently."""

import pytest
import torch
import torch.nn.functional as F

from pyxai.capture.calls import result
from pyxai.propagation.deeplift import choices
from tests.graphs import distance, pixels
from tests.propagation.paired import SHAPE, X0, Pair, X

aten = torch.ops.aten
OTHER = pixels(4, 6, 6, seed=4)
ONES = torch.ones(SHAPE, dtype=torch.float64)


def flipped(net, x):
    return net.call(aten.flip.default, x, [1])


def chosen(net, x):
    return net.call(aten.where.self, net.call(aten.gt.Scalar, x, 0.0), x, flipped(net, x))


def compared(net, x):
    mask = net.call(aten.gt.Tensor, x, flipped(net, x))
    return net.call(aten._to_copy.default, mask, dtype=X.dtype)


CHOICES = {
    "overlapping pools": (
        lambda net, x: net.call(aten.max_pool2d.default, x, [3, 3], [2, 2], [1, 1]), choices.CrossMaxPool,
    ),
    "pools of volumes": (
        lambda net, x: net.call(
            aten.max_pool3d.default, net.call(aten.unsqueeze.default, x, 1), [2, 3, 3], [1, 2, 2], [1, 1, 0],
        ),
        choices.CrossMaxPool,
    ),
    "adaptive pools": (
        lambda net, x: net.call(result(aten.adaptive_max_pool2d.default, 0), x, [4, 5]), choices.CrossMaxPool,
    ),
    "max": (lambda net, x: net.call(result(aten.max.dim, 0), x, 1), choices.CrossMaximum),
    "min": (lambda net, x: net.call(result(aten.min.dim, 0), x, -1, True), choices.CrossMaximum),
    "amin": (lambda net, x: net.call(aten.amin.default, x, [1, 2]), choices.CrossMaximum),
    "amax": (lambda net, x: net.call(aten.amax.default, x, [3, 1]), choices.CrossMaximum),
    "amax that keeps its axes": (
        lambda net, x: net.call(aten.amax.default, x, [2], True), choices.CrossMaximum,
    ),
    "maximum": (lambda net, x: net.call(aten.maximum.default, x, flipped(net, x)), choices.Larger),
    "minimum": (lambda net, x: net.call(aten.minimum.default, x, flipped(net, x)), choices.Larger),
    "clamp at a tensor": (
        lambda net, x: net.call(aten.clamp_max.Tensor, x, net.tensor(OTHER)), choices.Larger,
    ),
    "maximum of itself": (lambda net, x: net.call(aten.maximum.default, x, x), choices.Larger),
    "comparison": (compared, None),
    "sign": (lambda net, x: net.call(aten.sign.default, x), choices.Jump),
    "rounding": (lambda net, x: net.call(aten.round.default, x), choices.Jump),
    "where": (chosen, choices.Choice),
}  # fmt: skip


@pytest.mark.parametrize("name", CHOICES)
def test_equal_values_are_accounted_for_too(name):
    tied, blank = X.round(), torch.zeros_like(X0)
    for images, baseline in ((tied, X0.round()), (tied, blank), (blank, X0.round()), (tied, tied)):
        pair = Pair(CHOICES[name][0], images=images, baseline=baseline)
        mean, _ = pair.multipliers()
        given = (mean * (images - baseline)).flatten(1).sum(1)
        expected = (pair.weights * pair.change).flatten(1).sum(1)
        assert (given - expected).abs().max() <= 1e-12


def test_the_smallest_is_the_largest_of_the_opposite():
    smallest = Pair(lambda net, x: net.call(aten.amin.default, x, [1, 3]))
    largest = Pair(lambda net, x: net.call(aten.amax.default, x, [1, 3]), images=-X, baseline=-X0)
    assert torch.equal(smallest.multipliers().mean, largest.multipliers().mean)


@pytest.mark.parametrize("name", CHOICES)
def test_each_step_takes_its_rule_and_accounts_for_its_change(name):
    make, kind = CHOICES[name]
    for baseline in (X0, X0[:1]):
        pair = Pair(make, baseline=baseline)
        assert kind is None or type(pair.rule) is kind
        assert pair.completeness_error() <= 1e-13


def test_the_change_of_a_window_goes_to_the_new_maximum_or_the_old():
    pair = Pair(lambda net, x: net.call(aten.max_pool2d.default, x, [2, 2]))
    ones = torch.ones_like(pair.change)
    given = pair.multipliers(ones).mean * (X - X0)
    rose = F.max_pool2d(X, 2) > F.max_pool2d(X0, 2)
    expected = torch.zeros_like(X)
    for values, wanted in ((X, rose), (X0, ~rose)):
        _, places = F.max_pool2d(values, 2, return_indices=True)
        part = torch.zeros_like(X).flatten(2)
        part.scatter_(2, places.flatten(2), (pair.change * wanted).flatten(2))
        expected = expected + part.view_as(X)
    assert distance(given, expected) <= 1e-12


def test_the_larger_of_two_by_rescale_of_their_margin():
    pair = Pair(lambda net, x: net.call(aten.maximum.default, x, net.tensor(OTHER)))
    margin, margin0 = X - OTHER, X0 - OTHER
    share = (margin.relu() - margin0.relu()) / (margin - margin0)
    assert distance(pair.multipliers(ONES).mean, share) <= 1e-12


def test_a_comparison_without_a_jump_has_no_multiplier():
    pair = Pair(lambda net, x: net.call(aten.sign.default, x))
    found = pair.multipliers(ONES).mean
    still = X.sign() == X0.sign()
    assert not found[still].any() and bool(found[~still].all())


def test_where_is_two_products_midway():
    pair = Pair(
        lambda net, x: net.call(aten.where.self, net.call(aten.gt.Scalar, x, 0.0), x, net.tensor(OTHER))
    )
    c, c0 = (X > 0).double(), (X0 > 0).double()
    through_value = (c + c0) / 2 * (X - X0)
    through_choice = (c - c0) * ((X + X0) / 2 - OTHER)
    found = pair.multipliers(ONES).mean * (X - X0)
    assert distance(found, through_value + through_choice) <= 1e-12
