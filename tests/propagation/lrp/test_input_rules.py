"""Rules of the first layer, which look at weights or at the bounds of pixels, against dense matrices."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import Composite, Epsilon, Flat, Pass, WSquare, ZBox, ZPlus
from tests.propagation import oracle
from tests.propagation.oracle import TARGET, compare, rectified, seeded, signed

FIRST = {"w_square": WSquare(), "flat": Flat(), "z_box": ZBox(low=-2.0, high=3.0)}


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("build", [rectified, signed])
def test_first_layer_rules(build, name):
    model, images = build(), torch.randn(2, 3, 11, 11, dtype=torch.float64).clamp(-2.0, 3.0)
    reference = oracle.Rules()
    compare(
        model,
        images,
        Composite(convolution=ZPlus(), dense=Epsilon(), first=FIRST[name]),
        lambda index, layer: getattr(
            reference,
            name if index == 0 else "z_plus" if isinstance(layer, nn.Conv2d) else "plain",
        ),
    )


@pytest.mark.parametrize("name", ["flat", "w_square"])
def test_flat_and_w_square_hold_in_every_layer(name):
    model, images = rectified(), torch.randn(2, 3, 11, 11, dtype=torch.float64)
    composite = Composite(FIRST[name], FIRST[name])
    compare(model, images, composite, lambda index, layer: getattr(oracle.Rules(), name))


def test_pass_needs_a_layer_that_keeps_the_shape():
    model = seeded(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5))
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    passed = pyxai.explain(model, images, "lrp", TARGET, composite=Composite(Pass(), Epsilon()))
    hidden = model[1](model[0](images))
    w = model[3].weight[TARGET].reshape(3, 4, 4)
    z = model(images)[:, TARGET]
    expected = hidden * w * (z / (z + 1e-6 * z.sign()))[:, None, None, None]
    assert torch.allclose(passed.attribution, expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"`Pass` must be given to a layer that keeps the shape, got `3`"):
        pyxai.explain(model, images, "lrp", TARGET, composite=Composite(Pass(), Pass()))


@pytest.mark.parametrize("rule", FIRST.values(), ids=FIRST)
def test_where_no_relevance_can_be_shared_out_none_is_made(rule):
    """A layer of zero weights: flat shares equally all the same, w² and z^B have nothing to go by."""
    model = seeded(nn.Conv2d(3, 2, 3, bias=False), nn.Flatten(), nn.Linear(8, 3))
    model[0].weight.data.zero_()
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    explainer = pyxai.Explainer(model, "lrp", composite=Composite(rule, Epsilon()))
    found, report = explainer(images, 0), explainer.report(images, 0)
    assert bool(torch.isfinite(found.attribution).all())
    if isinstance(rule, WSquare):
        assert not found.attribution.any()
        assert torch.allclose(report.layers[-1].reasons["no weights"], report.layers[-1].arrived)


@pytest.mark.parametrize(
    "low, high, message",
    [
        (1.0, 0.0, "`low` must be less than `high`"),
        (0.5, 0.5, "`low` must be less than `high`"),
        (
            (0.0, 0.0),
            (1.0, 1.0, 1.0),
            r"`low` must be one number or one for each of 3 channels, got \(0.0, 0.0\)",
        ),
    ],
)
def test_impossible_boxes_are_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        ZBox(low=low, high=high)


def test_a_box_may_be_flat_in_some_channels():
    ZBox(low=(0.0, 1.0), high=(1.0, 1.0))


@pytest.mark.parametrize("outside", [-0.01, 1.01])
def test_pixels_outside_the_box_are_refused(outside):
    model = seeded(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    composite = Composite(ZPlus(), Epsilon(), first=ZBox(low=0.0, high=1.0))
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    pyxai.explain(model, images, "lrp", 0, composite=composite)
    images[0, 1, 2, 2] = outside
    with pytest.raises(ValueError, match="images must lie between `low` and `high`"):
        pyxai.explain(model, images, "lrp", 0, composite=composite)


def test_the_box_needs_a_layer_that_sees_the_image():
    model = seeded(nn.Tanh(), nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"`ZBox` must be given to a layer that sees the image .* got `1`"):
        pyxai.explain(model, images, "lrp", 0, composite=Composite(ZBox(), Epsilon()))
