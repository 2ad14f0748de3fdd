"""FEM against a numpy oracle: both variants, constant channels, negative values, volumes."""

import numpy as np
import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods import get_method
from tests.methods.feature_map.networks import IMAGES, averaged, inside


def oracle(values, k, strict, weighted=True):
    """The sum of marked places of one image (C, …), before any normalisation."""
    total = np.zeros(values.shape[1:])
    for channel in values:
        mean, deviation = channel.mean(), channel.std()
        marked = channel > mean + k * deviation if strict else channel >= mean + k * deviation
        total += (mean if weighted else 1) * marked
    return total


def combine(values, **options):
    return get_method("fem")(**options).combine(torch.as_tensor(values))


@pytest.mark.parametrize("shape", [(5, 6, 7), (5, 3, 6, 7)])
@pytest.mark.parametrize("k", [0.0, 1.0, 2.5])
@pytest.mark.parametrize("comparison", [">", ">="])
@pytest.mark.parametrize("weighting", ["mean", "none"])
def test_formula(shape, k, comparison, weighting):
    values = np.random.default_rng(0).normal(-0.3, 1, (2, *shape))
    found = combine(values, k=k, comparison=comparison, weighting=weighting)
    for one, value in zip(found, values, strict=True):
        expected = oracle(value, k, comparison == ">", weighting == "mean")
        assert np.allclose(one, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, -7.3])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_all_of_a_constant_channel_is_marked_or_none(constant, kind):
    values = torch.full((1, 1, 7, 9), constant, dtype=kind)
    assert torch.allclose(combine(values, comparison=">="), values[:, 0])
    assert not combine(values, comparison=">").any()


def test_a_single_spike_is_marked_alone():
    values = torch.zeros(1, 1, 6, 6)
    values[0, 0, 2, 3] = 36
    found = combine(values)
    assert found[0, 2, 3] == 1 and found.count_nonzero() == 1


def test_the_variants():
    survey, circulated = get_method("fem")(), get_method("fem")(variant="circulated")
    assert (survey.k, survey.comparison, survey.normalize, survey.weighting) == (1.0, ">=", "min_max", "mean")
    assert (circulated.k, circulated.comparison, circulated.normalize) == (2.0, ">", "max")
    mixed = get_method("fem")(variant="circulated", k=1.0, normalize="none")
    assert (mixed.k, mixed.comparison, mixed.normalize) == (1.0, ">", "none")
    with pytest.raises(ValueError, match="`k` must be a number that is not negative, got -1"):
        get_method("fem")(k=-1)


@pytest.mark.parametrize("variant", ["survey", "circulated"])
def test_maps_of_a_model(variant):
    values, _ = inside(averaged(), IMAGES, 0)
    found = pyxai.explain(averaged(), IMAGES, "fem", variant=variant, layer="3", upsample=False).attribution[
        :, 0
    ]
    for one, value in zip(found.numpy(), values.numpy(), strict=True):
        if variant == "survey":
            expected = oracle(value, 1, False)
            expected = (expected - expected.min()) / (expected.max() - expected.min())
        else:
            expected = oracle(value, 2, True)
            expected = expected / expected.max()
        assert np.allclose(one, expected, rtol=1e-10, atol=1e-12)


def test_scaled_activations_have_the_same_map():
    model, scaled = averaged(), averaged()
    for parameter in scaled[2].parameters():
        parameter.data.mul_(8)
    assert torch.allclose(
        *(pyxai.explain(one, IMAGES, "fem", layer="3").attribution for one in (model, scaled))
    )


def test_a_dead_layer_gives_zeros():
    model = averaged()
    model[2].weight.data.zero_(), model[2].bias.data.fill_(-1)
    for variant in ("survey", "circulated"):
        assert not pyxai.explain(model, IMAGES, "fem", layer="3", variant=variant).attribution.any()
    assert isinstance(model[3], nn.ReLU)
