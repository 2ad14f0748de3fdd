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


@pytest.mark.parametrize("comparison", [">=", ">"])
def test_statistics_of_a_volume_run_over_time_and_space(comparison):
    values = torch.zeros(1, 3, 3, 3, 3, dtype=torch.float64)
    values[0, 0, 0, 1, 1] = 3  # one place of a frame
    values[0, 1] = -0.5  # constant and negative: all of it is marked by >=, none by >
    values[0, 2, 2] = 4.0  # a whole frame, which has no deviation by itself
    found = combine(values, k=1.0, comparison=comparison)
    mean, other = 3 / 27, 36 / 27
    wanted = torch.zeros(3, 3, 3, dtype=torch.float64)
    wanted[0, 1, 1] += mean
    wanted[2] += other
    wanted -= 0.5 if comparison == ">=" else 0
    assert torch.allclose(found[0], wanted, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("variant", ["survey", "circulated"])
def test_maps_of_a_volume_net_are_enlarged_trilinearly(variant):
    layers = nn.Conv3d(2, 6, 3, padding=1), nn.LeakyReLU(0.3), nn.AvgPool3d(2), nn.AdaptiveAvgPool3d(1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(6, 3)).double().eval()
        for layer in (model[0], model[5]):
            layer.reset_parameters()
        volumes = torch.rand(2, 2, 6, 8, 10, dtype=torch.float64)
    values = model[:3](volumes).detach().numpy()
    assert (values < 0).any()
    k, strict = (1.0, False) if variant == "survey" else (2.0, True)
    found = pyxai.explain(model, volumes, "fem", layer="2", variant=variant)
    small = pyxai.explain(model, volumes, "fem", layer="2", variant=variant, upsample=False)
    for one, value in zip(small.attribution[:, 0].numpy(), values, strict=True):
        expected = oracle(value, k, strict)
        expected = expected - expected.min() if variant == "survey" else expected
        expected = expected / expected.max() if expected.max() > 0 else expected
        assert np.allclose(one, expected, rtol=1e-10, atol=1e-12)
    # between centres, on each axis: a place of the layer lies at 2 i + 1/2 of the volume
    large, little = found.attribution[0, 0], small.attribution[0, 0]
    corner = (0.75 * little[0] + 0.25 * little[1])[0] * 0.75 + (0.75 * little[0] + 0.25 * little[1])[1] * 0.25
    assert torch.allclose(large[1, 1, 1], corner[0] * 0.75 + corner[1] * 0.25, rtol=1e-12)
    assert torch.equal(large[0, 0, 0], little[0, 0, 0]) and large.shape == (6, 8, 10)


@pytest.mark.parametrize("variant", ["survey", "circulated"])
def test_a_dead_layer_of_volumes_gives_zeros(variant):
    assert not combine(torch.zeros(2, 4, 3, 5, 5), variant=variant).any()
