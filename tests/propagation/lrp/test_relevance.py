"""Relevance as a product that is not carried out: its forms, its division, its sums."""

import pytest
import torch

from pyxai.propagation.lrp import relevance as r
from pyxai.propagation.lrp.relevance import Relevance
from tests.graphs import Written, pixels, tape

aten = torch.ops.aten
SHAPE = (2, 3, 4, 4)
FACTOR = pixels(*SHAPE, seed=2)


@pytest.fixture
def graph():
    """The images, a ReLU of them, and a tape with both values."""
    net = Written(pixels(*SHAPE))
    relu = net.call(aten.relu.default, net.images)
    return net.images, relu, tape(net.module(relu))


def test_relevance_is_the_factor_times_the_value(graph):
    images, _, written = graph
    assert r.relevance(Relevance(FACTOR, None), written) is FACTOR
    assert torch.equal(r.relevance(Relevance(FACTOR, images), written), FACTOR * pixels(*SHAPE))
    assert r.relevance_reads(None) == set() and r.relevance_reads(images) == {images}
    found = r.relevance(Relevance(FACTOR, images), written, spare=True)
    assert found is written[images] and torch.equal(found, FACTOR * pixels(*SHAPE))


def test_the_holder_is_the_relu_of_a_node_only(graph):
    images, relu, _ = graph
    assert r.holder(images, relu) is relu
    assert r.holder(images, images) is r.holder(images, None) is images
    assert r.holder(relu, images) is relu


def test_the_multiplier_of_a_value(graph):
    images, relu, written = graph
    assert r.multiplier(Relevance(FACTOR, relu), relu, written) is FACTOR
    assert r.multiplier_reads(relu, relu) == set()
    found = r.multiplier(Relevance(FACTOR, images), relu, written)
    torch.testing.assert_close(found, torch.where(pixels(*SHAPE) > 0, FACTOR, 0.0))
    assert r.multiplier_reads(images, relu) == {images, relu}
    assert r.multiplier_reads(None, relu) == {relu}


@pytest.mark.parametrize("spare", [True, False])
@pytest.mark.parametrize("epsilon", [0.0, 0.1])
def test_division_is_stabilised_by_the_sign_of_the_denominator(graph, epsilon, spare):
    images, _, written = graph
    sums = pixels(*SHAPE, seed=3)
    sums[0, 0] = 0.0
    stable = sums + epsilon * torch.where(sums < 0, -1.0, 1.0)
    for form, amount in ((None, FACTOR), (images, FACTOR * pixels(*SHAPE))):
        denominator = sums.clone()
        found = r.divided(Relevance(FACTOR, form), denominator, written, epsilon, spare)
        assert (found is denominator) is spare
        expected = torch.where(stable == 0, 0.0, amount / stable.where(stable != 0, 1.0))
        torch.testing.assert_close(found, expected)
        kept = r.taken(amount, sums, epsilon)
        torch.testing.assert_close(kept, amount - expected * sums)


def test_messages_of_one_form_keep_it_and_others_become_relevance(graph):
    images, relu, written = graph
    alike = r.add(images, Relevance(FACTOR, images), Relevance(2 * FACTOR, images), written)
    assert alike.of is images and torch.equal(alike.factor, FACTOR + 2 * FACTOR)
    assert r.join(images, images, images) == (images, ())
    mixed = r.add(images, Relevance(FACTOR, images), Relevance(FACTOR, relu), written)
    assert mixed.of is None
    torch.testing.assert_close(mixed.factor, FACTOR * (written[images] + written[relu]))
    form, reads = r.join(images, images, relu)
    assert form is None and set(reads) == {images, relu}


def test_what_sits_on_zeros_is_the_loss_of_rules_that_start_from_a_multiplier(graph):
    _, relu, written = graph

    class Step:
        node = relu

    rule = r.FromMultiplier()
    assert rule.losses(Step, Relevance(FACTOR, relu), written) == {}
    lost = rule.losses(Step, Relevance(FACTOR, None), written)["on zeros"]
    assert torch.equal(lost, FACTOR * (pixels(*SHAPE) <= 0))
