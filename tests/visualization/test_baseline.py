"""The targeted baseline against torch's own optimiser, by what is attributed from it."""

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
