"""Aumann-Shapley values at a layer against plain autograd on the two halves of a model."""

import pytest
import torch

import pyxai
from tests.visualization.halves import Halves, integrated


@pytest.fixture(scope="module")
def model():
    return Halves().double().eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("rule", "shift"), [("midpoint", 0.5), ("riemann_right", 1.0)])
def test_against_a_loop_over_the_line(model, images, rule, shift):
    target = torch.tensor([0, 1, 2, 3, 1])
    options = {"layer": "first", "baseline": "zero", "steps": 20, "rule": rule}
    found = pyxai.explain(model, images, "aumann_shapley", target, **options)
    expected = integrated(model, images, target, 0.0, [(step + shift) / 20 for step in range(20)])
    torch.testing.assert_close(found.attribution, expected, rtol=1e-10, atol=1e-12)
    assert found.evaluations.tolist() == [20] * 5


def test_completeness_at_200_steps(model, images):
    many = torch.rand(24, 3, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for options in ({"baseline": "zero"}, {"effort": 0.02}):
        found = pyxai.explain(model, many, "aumann_shapley", layer="first", **options)
        assert found.residual.median() <= 0.01 and found.residual.max() <= 0.05


def test_several_classes_have_baselines_of_their_own(model, images):
    run = pyxai.Explainer(model, "aumann_shapley", layer="first", steps=3, effort=0.005, rows=4)
    both = run(images, torch.tensor([[0, 3]] * 5))
    for column, target in enumerate((0, 3)):
        assert torch.equal(both.attribution[:, column], run(images, target).attribution)


def test_layers_without_places(model, images):
    found = pyxai.explain(model, images, "aumann_shapley", 1, layer="second.2", steps=2, effort=0.005)
    assert found.attribution.shape == (5, 288)
    assert found.residual.max() < 1e-12  # what follows is linear


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"effort": 0}, "`effort` must be a positive number, got 0"),
        ({"steps": 0}, "`steps` must be a positive whole number, got 0"),
        ({"rule": "simpson"}, "`rule` must be one of"),
        ({"baseline": "black"}, "`baseline` must be one of 'targeted', 'zero', got 'black'"),
    ],
)
def test_messages(model, options, message):
    with pytest.raises(ValueError, match=f"^aumann_shapley: {message}"):
        pyxai.Explainer(model, "aumann_shapley", **options)
