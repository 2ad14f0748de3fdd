"""Aumann-Shapley values at a layer against plain autograd on the two halves of a model."""

import pytest
import torch
from torch import nn

import pyxai


class Halves(nn.Module):
    """A model that is cut in two at its layer `first`."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        convolutions = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.first = nn.Sequential(convolutions[0], nn.ReLU(), nn.MaxPool2d(2))
        self.second = nn.Sequential(convolutions[1], nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))
        for layer in self.modules():
            if hasattr(layer, "bias"):
                nn.init.normal_(layer.weight, std=0.3)
                nn.init.normal_(layer.bias, std=0.3)

    def forward(self, images):
        return self.second(self.first(images))


@pytest.fixture(scope="module")
def model():
    return Halves().double().eval()


@pytest.fixture(scope="module")
def images():
    return torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def integrated(model, images, target, start, nodes):
    end = model.first(images).detach()
    total = torch.zeros_like(end)
    for node in nodes:
        point = (start + node * (end - start)).requires_grad_()
        score = model.second(point).gather(1, target[:, None]).sum()
        total += torch.autograd.grad(score, point)[0] / len(nodes)
    return (end - start) * total


@pytest.mark.parametrize(("rule", "shift"), [("midpoint", 0.5), ("riemann_right", 1.0)])
def test_against_a_loop_over_the_line(model, images, rule, shift):
    target = torch.tensor([0, 1, 2, 3, 1])
    options = {"layer": "first", "baseline": "zero", "steps": 20, "rule": rule}
    found = pyxai.explain(model, images, "aumann_shapley", target, **options)
    expected = integrated(model, images, target, 0.0, [(step + shift) / 20 for step in range(20)])
    torch.testing.assert_close(found.attribution, expected, rtol=1e-10, atol=1e-12)
    assert found.evaluations.tolist() == [20] * 5


def best_factors(model, values, target, start, rate, steps):
    """Factors by torch's own Adam."""
    weights = start.clone().requires_grad_()
    optimiser = torch.optim.Adam([weights], lr=rate)
    for _ in range(steps):
        optimiser.zero_grad()
        point = weights.sigmoid() * values
        distance = (point - values).abs().sum((1, 2, 3)) / values.sum((1, 2, 3))
        score = model.second(point).gather(1, target[:, None])[:, 0]
        (16 * distance + score.abs()).sum().backward()
        optimiser.step()
    return weights.detach().sigmoid()


def test_the_targeted_baseline_is_the_least_of_two_optimisations(model, images):
    target, ids = torch.tensor([0, 1, 2, 3, 1]), torch.tensor([4, 9, -2, 0, 7])
    values, effort, factors = model.first(images).detach(), 0.01, []
    for name, shape, rate, steps in (("place", (1, 6, 6), 0.009, 2048), ("channel", (6, 1, 1), 0.01, 4096)):
        seed = pyxai.ops.derive_seed(0, f"baseline by {name}")
        start = pyxai.ops.normal_noise(ids, ids * 0, seed, shape, torch.float64)
        made = round(effort * steps)
        factors.append(best_factors(model, values, target, start, rate * steps / made, made))
    start = torch.minimum(*factors) * values
    run = pyxai.Explainer(model, "aumann_shapley", layer="first", steps=4, effort=effort)
    found = run(images, target, ids)
    expected = integrated(model, images, target, start, [0.125, 0.375, 0.625, 0.875])
    torch.testing.assert_close(found.attribution, expected, rtol=1e-7, atol=1e-10)
    assert found.evaluations.tolist() == [4 + 20 + 41] * 5


def test_the_targeted_baseline_has_less_of_the_score(model, images):
    """What the map must sum to is then the score, to what a short optimisation leaves of it."""
    found = pyxai.explain(model, images, "aumann_shapley", layer="first", steps=1, effort=0.02)
    left = found.score - (found.attribution.sum((1, 2, 3)) - found.delta)
    assert left.abs().median() < 0.1 * found.score.abs().median()


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
