"""Multipliers of both parts of a difference, and the pair of tapes that they are read from."""

import torch

from pyxai.propagation.deeplift import multipliers as m
from pyxai.propagation.deeplift.multipliers import Multipliers, PairedTape
from pyxai.propagation.walk import Step
from tests.graphs import Written, pixels, tape
from tests.propagation.paired import SHAPE, X0, Pair, X

aten = torch.ops.aten


def pair(make):
    """The step that ``make`` writes, with the tapes of images and baselines."""
    tapes = []
    for values in (X, X0):
        net = Written(values)
        node = make(net, net.images)
        tapes.append((Step(node, (net.images,)), tape(net.module(node))))
    (step, images), (_, baseline) = tapes
    renamed = dict(zip(baseline.values, images.values, strict=True))
    baseline.values = {renamed[node]: value for node, value in baseline.values.items()}
    return step, PairedTape(images, baseline)


def test_differences_of_numbers_and_of_masks():
    step, paired = pair(lambda net, x: net.call(aten.gt.Scalar, x, 0.0))
    assert torch.equal(paired.difference(step.sources[0]), X - X0)
    found = paired.difference(step.node)
    assert torch.equal(found, (X > 0).int() - (X0 > 0).int()) and set(found.unique().tolist()) == {-1, 0, 1}


def test_a_spread_counts_the_whole_difference_by_its_sign():
    """m⁺ where the value rose, m⁻ where it fell: mean ± spread."""

    class Doubling(m.MultiplierRule):
        def pull_back(self, step, multiplier, tape):
            return [2 * multiplier]

    step, paired = pair(lambda net, x: net.call(aten.mul.Tensor, x, 2.0))
    mean, spread = pixels(*SHAPE, seed=3), pixels(*SHAPE, seed=4)
    rule = Doubling()
    (found,) = rule.backward(step, Multipliers(mean, spread), paired)
    expected = 2 * torch.where(X > X0, mean + spread, mean - spread)
    torch.testing.assert_close(found.mean, expected)
    assert found.spread is None
    assert rule.plan(step, True) == ([(step.sources[0], False)], {step.node})
    assert rule.plan(step, False) == ([(step.sources[0], False)], ())
    assert torch.equal(rule.magnitude(step, paired, None), (2 * X - 2 * X0).abs())


def test_a_partwise_rule_sends_the_spread_through_magnitudes():
    class Turning(m.PartwiseRule):
        def pull_back(self, step, multiplier, tape, sizes=False):
            return [multiplier if sizes else -multiplier]

    step, paired = pair(lambda net, x: net.call(aten.neg.default, x))
    mean, spread = pixels(*SHAPE, seed=3), pixels(*SHAPE, seed=4)
    (found,) = Turning().backward(step, Multipliers(mean, spread), paired)
    assert torch.equal(found.mean, -mean) and torch.equal(found.spread, spread)
    (alone,) = Turning().backward(step, Multipliers(mean), paired)
    assert alone.spread is None
    assert Turning().plan(step, True)[0] == [(step.sources[0], True)]


def test_applied_exchanges_sources_only():
    constant = pixels(4, 1, 1, seed=5)
    step, paired = pair(lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(constant)))
    assert torch.equal(m.applied(step, paired, lambda node: X0), X0 * constant)


def test_the_sum_of_two_messages():
    add = Pair(lambda net, x: net.call(aten.relu.default, x)).multiplication.add
    mean, spread = pixels(2, 2), pixels(2, 2, seed=3)
    for first, second, expected in ((None, None, None), (spread, None, spread), (spread, spread, 2 * spread)):
        found = add(None, Multipliers(mean, first), Multipliers(mean, second), None)
        assert torch.equal(found.mean, 2 * mean)
        assert found.spread is None if expected is None else torch.equal(found.spread, expected)
