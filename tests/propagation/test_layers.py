"""Layers with changed weights, term by term: each sum's terms a_i w_ij as a dense matrix."""

import pytest
import torch

from pyxai.propagation.linear import linear_layer
from pyxai.propagation.walk import Step, constants
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
N = 11  # images: a prime that divides no other size
KINDS = {
    "dense": (aten.linear.default, (N, 6), [(5, 6), (5,)], ()),
    "convolution": (aten.conv2d.default, (N, 3, 4, 4), [(5, 3, 3, 3), (5,)], ([1, 1], [1, 1])),
    "groups": (aten.conv2d.default, (N, 4, 4, 4), [(4, 2, 3, 3), (4,)], ([1, 1], [0, 0], [1, 1], 2)),
    "other": (aten.conv1d.default, (N, 3, 5), [(4, 3, 3), (4,)], ()),
}
WEIGHTINGS = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (1.0, 0.25, 0.0), (1.0, 0.0, 0.25)]


def made(name):
    target, shape, weights, settings = KINDS[name]
    net = Written(pixels(*shape))
    own = [net.tensor(pixels(*size, seed=seed)) for seed, size in enumerate(weights, 2)]
    node = net.call(target, net.images, *own, *settings)
    module = net.module(node)
    return linear_layer(Step(node, (net.images,)), constants(module)), tape(module)


def matrix(layer, shape):
    """The layer's weights as (outputs, inputs)."""
    basis = torch.eye(shape.numel(), dtype=torch.float64).reshape(-1, *shape)
    return layer.forward(basis, layer.weight).flatten(1).T


def changed(values, all_terms, positive, negative):
    return all_terms * values + positive * values.clamp(min=0) + negative * values.clamp(max=0)


@pytest.mark.parametrize("terms", WEIGHTINGS)
@pytest.mark.parametrize("name", KINDS)
def test_weightings_by_the_sign_of_every_term(name, terms):
    layer, written = made(name)
    images = written[layer.source]
    weights = matrix(layer, images.shape[1:])
    weighting = layer.weighting(*terms)
    assert layer.weights(*terms) is layer.weights(*terms)  # made once
    each = changed(weights * images.flatten(1)[:, None], *terms)  # (n, outputs, inputs)
    bias = layer.bias_terms(torch.ones_like(written[layer.step.node]), layer.bias).flatten(1)
    shift = changed(bias, *terms)
    assert distance(weighting.sums(images, bias=False).flatten(1), each.sum(2)) <= 1e-13
    assert distance(weighting.sums(images).flatten(1), each.sum(2) + shift) <= 1e-13
    quotients = pixels(*written[layer.step.node].shape, seed=7)
    given = (each * quotients.flatten(1)[:, :, None]).sum(1)
    found = weighting.multipliers(quotients, written) * images
    assert distance(found.flatten(1), given) <= 1e-12
    assert distance(weighting.share(quotients), (shift * quotients.flatten(1)).sum(1)) <= 1e-12
    upper, lower = weighting.halves(quotients, written)
    assert distance(torch.where(images > 0, upper, lower).flatten(1) * images.flatten(1), given) <= 1e-12


@pytest.mark.parametrize("name", KINDS)
def test_inputs_known_not_to_be_negative_need_one_pass(name):
    layer, written = made(name)
    images = written.values[layer.source] = written[layer.source].abs()
    two_sided = layer.positive.sums(images)
    assert layer.positive.reads_source
    alike, _ = made(name)
    alike.nonnegative = True
    assert not alike.positive.reads_source
    assert distance(alike.positive.sums(images), two_sided) <= 1e-13


def test_a_weighting_and_its_opposite_share_their_weights():
    layer, written = made("dense")
    layer.positive.sums(written[layer.source])
    layer.negative.sums(written[layer.source])
    assert len(layer._stacks) == 1


def test_sums_that_cannot_cancel_may_be_narrower():
    layer, written = made("dense")
    exact = layer.positive.sums(written[layer.source])
    narrow, _ = made("dense")
    narrow.precision = torch.bfloat16
    found = narrow.positive.sums(written[layer.source])
    assert found.dtype == torch.float64
    assert 0 < distance(found, exact) < 0.02
    assert torch.equal(narrow.plain.sums(written[layer.source]), layer.plain.sums(written[layer.source]))


def test_the_box_is_the_least_that_any_pixels_can_give():
    layer, _ = made("convolution")
    layer.lead = lambda bound, name: (
        torch.as_tensor(bound).double().reshape(1, -1, 1, 1).expand(1, 3, 4, 4) * -2 + 1
    )
    lower, upper, least = layer.box(0.0, (1.0, 2.0, 3.0))
    assert lower[0, :, 0, 0].tolist() == [-1, -3, -5] and upper.unique().tolist() == [1]
    share = torch.rand(50, 3, 4, 4, dtype=torch.float64)
    values = layer.forward(lower + share * (upper - lower), layer.weight, layer.bias)
    assert bool((values >= least).all())
    corner = torch.where(matrix(layer, lower.shape[1:])[0].reshape(3, 4, 4) > 0, lower, upper)
    reached = layer.forward(corner, layer.weight, layer.bias)
    assert torch.isclose(reached.flatten()[0], least.flatten()[0])


def test_padding_that_the_model_put_round_the_image_is_no_input():
    layer, written = made("convolution")
    inner = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    inner[:, :, 1:3, 1:3] = 1
    layer.lead = lambda bound, name: inner * (bound + 1)
    assert torch.equal(layer.real(written), inner)
    amounts = pixels(N, 5, 4, 4, seed=5).abs()
    found = layer.equally(amounts, written)
    assert not found[:, :, 0].any() and not found[..., 3].any()
    assert distance(found.sum((1, 2, 3)), amounts.sum((1, 2, 3))) <= 1e-13
