"""The objective of the first step against its formula, and settings that cannot be."""

import pytest
import torch

import pyxai
from pyxai.methods.targets import parse_target
from pyxai.visualization import Transforms, Visualization, fractal_noise
from pyxai.visualization.canvas import Canvas
from tests.visualization.halves import Halves

IDS = torch.tensor([4, -3])


@pytest.mark.parametrize(("penalty", "reduction"), [("mask", "sum"), ("both", "mean")])
def test_the_objective_of_the_first_step(penalty, reduction):
    model = Halves().double().eval()
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(2, 3, 12, 12, generator=generator, dtype=torch.float64)
    values = torch.randn(2, 6, 6, 6, generator=generator, dtype=torch.float64)
    run = pyxai.Explainer(model, "layer_activation", layer="first")
    executor, _ = run._request(images, parse_target(0, images), IDS)
    black, white = torch.full((3,), -1.0).double(), torch.full((3,), 2.0).double()
    how = Visualization(steps=1, beta=0.25, penalty=penalty, reduction=reduction, lambda_scale=3.0)
    found = how(executor, values, values.sum(1), IDS, (3, 12, 12), black, white)

    canvas = Canvas((3, 12, 12), values)
    picture, mask = canvas(canvas.start(IDS, 0))
    noise = fractal_noise(IDS, 0, (3, 12, 12), seed=pyxai.ops.derive_seed(0, "pyramid"), dtype=torch.float64)
    filled = pyxai.ops.pyramid_fill(picture, mask, noise, False)
    seen = Transforms()(torch.cat([filled, mask[:, None]], 1), IDS, 0, 0)
    share = 1.0 if reduction == "sum" else 2 / 36
    fit = share * (model.first(-1 + 3 * seen[:, :3]) * values).sum((1, 2, 3))
    wrong = (mask.mean((1, 2)) - 0.25) ** 2
    if penalty == "both":
        wrong = wrong + (seen[:, 3].mean((1, 2)) - 0.25) ** 2
    expected = -fit + 3 * values.clamp(min=0).sum((1, 2, 3)) * wrong
    torch.testing.assert_close(found.losses[:, 0], expected.detach(), rtol=1e-9, atol=1e-9)


def test_without_a_mask_the_objective_is_the_first_term():
    model = Halves().double().eval()
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    values = torch.randn(2, 6, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    run = pyxai.Explainer(model, "layer_activation", layer="first")
    executor, _ = run._request(images, parse_target(0, images), IDS)
    ends = torch.zeros(3).double(), torch.ones(3).double()
    how = Visualization(steps=1, masked=False)
    found = how(executor, values, values.sum(1), IDS, (3, 12, 12), *ends)
    canvas = Canvas((3, 12, 12), values, masked=False)
    seen = Transforms()(canvas(canvas.start(IDS, 0))[0], IDS, 0, 0)
    expected = -(model.first(seen) * values).sum((1, 2, 3))
    torch.testing.assert_close(found.losses[:, 0], expected.detach(), rtol=1e-9, atol=1e-9)
    assert torch.equal(found.picture, found.image) and (found.mask == 1).all()
    assert found.area.tolist() == found.kept.tolist() == [1, 1]


def test_the_scores_of_classes_are_maximised():
    model = Halves().double().eval()
    images = torch.rand(2, 3, 12, 12, dtype=torch.float64)
    run = pyxai.Explainer(model, "gradient")
    executor, _ = run._request(images, parse_target(0, images), IDS)
    weights = torch.tensor([[0, 1.0, 0, 0], [0, 0, -2.0, 1.0]]).double()
    ends = torch.zeros(3).double(), torch.ones(3).double()
    still = Transforms(jitter=(0, 0), scale=(1, 1), rotate=0, shear=0)
    how = Visualization(steps=30, masked=False, transforms=still)
    found = how.of_scores(executor, weights, IDS, (3, 12, 12), *ends)
    first, last = found.losses[:, 0], -(model(found.picture) * weights).sum(1)
    assert (last < first - 1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 1.0}, "`beta` must lie between 0 and 1, got 1.0"),
        ({"lambda_scale": 0}, "`lambda_scale` must be a positive number, got 0"),
        ({"fill": "snow"}, "`fill` must be one of 'pyramid', 'fractal', .*, got 'snow'"),
        ({"steps": 1.5}, "`steps` must be a positive whole number, got 1.5"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=message):
        Visualization(**options)
