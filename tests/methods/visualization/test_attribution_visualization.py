"""Attribution visualization: what it shows of images with two objects, and what it is told wrongly."""

import pytest
import torch
from torch import nn

import pyxai
from tests import unfriendly
from tests.visualization import two_objects

METHOD = "attribution_visualization"
STEPS = 2048
CHEAP = {"attribution_options": {"baseline": "zero", "steps": 10}}


@pytest.fixture(scope="module")
def objects():
    """Images with two objects, the classes of these, and where each is."""
    pairs = torch.tensor([[0, 1], [2, 3]])
    images, where = two_objects.pictures(pairs, seed=3)
    return images, pairs, where


def test_the_network_knows_the_objects():
    labels = torch.arange(64) % two_objects.CLASSES
    images, _ = two_objects.pictures(labels[:, None], seed=7)
    assert (two_objects.trained()(images).argmax(1) == labels).double().mean() > 0.9


@pytest.mark.slow
def test_the_mask_lies_on_the_object_of_the_class(objects):
    """For both classes of an image, at the price of the paper: on the mean more than twice chance, no mask
    below one and a half times. That each has twice is not reached: the least has 1.93.
    """
    images, pairs, where = objects
    run = pyxai.Explainer(two_objects.trained(), METHOD, layer="8", steps=STEPS, **CHEAP)
    mask = run(images, pairs).extras["mask"]
    mass = (mask * where).sum((2, 3)) / mask.sum((2, 3))
    times_chance = mass / where.double().mean((2, 3))
    assert times_chance.mean() >= 2 and (times_chance >= 1.5).all()


def small(**options):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2).sigmoid()
    return pyxai.explain(model, images, METHOD, 1, steps=2, **CHEAP | options)


def test_what_it_gives():
    found = small(beta=0.25)
    extras = found.extras
    assert found.attribution.shape == (2, 3, 16, 16) and found.target.tolist() == [1, 1]
    assert extras["image"].shape == (2, 3, 16, 16) and extras["mask"].shape == (2, 16, 16)
    assert extras["area"].tolist() == [0.25] * 2
    torch.testing.assert_close(extras["kept"], extras["mask"].double().mean((1, 2)), rtol=0, atol=1e-6)
    grey = 0.55 * (1 - extras["mask"][:, None]) + extras["image"] * extras["mask"][:, None]
    torch.testing.assert_close(found.attribution, grey)
    assert found.evaluations.tolist() == [12, 12]


@pytest.mark.parametrize(
    "options",
    [
        {"lookup": "interpolate"}, {"shared_spectrum": True}, {"reduction": "mean"}, {"penalty": "both"},
        {"growth": "continuous"}, {"decay": "steps"}, {"edge": "zeros"}, {"shear": 0.0}, {"seed": 1},
        {"attribution": "layer_gradient_x_activation", "attribution_options": {}}, {"lambda_scale": 20.0},
    ],
)  # fmt: skip
def test_every_option_changes_the_picture(options):
    assert not torch.equal(small().attribution, small(**options).attribution)


class Sign(nn.Module):
    """One 1×1 convolution and a class that all its maps count for, or against."""

    def __init__(self, weight):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU())
        self.end = nn.Linear(4, 2)
        nn.init.constant_(self.maps[0].weight, 1.0)
        nn.init.constant_(self.end.weight, weight)

    def forward(self, images):
        return self.end(self.maps(images).mean((2, 3)))


def test_attributions_that_are_nowhere_positive_have_no_price():
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match="no attribution of row 0 is positive"):
        found = pyxai.explain(Sign(-1.0).eval(), images, METHOD, 1, layer="maps", steps=2, **CHEAP)
    assert found.attribution.isfinite().all()


def test_a_map_of_one_value_is_kept_whole():
    with pytest.warns(UserWarning, match="the intensity map of row 0 is constant"):
        found = pyxai.explain(
            Sign(1.0).eval(), torch.full((1, 3, 8, 8), 0.5), METHOD, 1, layer="maps", steps=2, **CHEAP
        )
    assert found.extras["area"].tolist() == [1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": 0.0}, "`beta` must lie between 0 and 1, got 0.0"),
        ({"beta": 1.5}, "`beta` must lie between 0 and 1, got 1.5"),
        ({"depth": -1}, "`depth` must be a whole number of at least 0, got -1"),
        (
            {"attribution": "grad_cam"},
            "`attribution` must have values for each unit of a layer, got 'grad_cam'",
        ),
        ({"layer": "head.fc"}, "`layer` must return a map of the image"),
        ({"high": 0.0}, "`high` must differ from `low`"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: {message}"):
        small(**options)
