"""Factorized visualization: what its parts are, against their formulas."""

import pytest
import torch

import pyxai
from pyxai.visualization import factorize
from tests import unfriendly

METHOD = "factorized_visualization"


def small(target=1, **options):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(3).sigmoid()
    return pyxai.explain(model, images, METHOD, target, **{"steps": 2, "groups": 3} | options)


def at_layer(target):
    """The values of the last map and the gradient of a score by them."""
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(3).sigmoid()
    values = model.conv2(torch.nn.functional.max_pool2d(model.conv1(images).relu(), 2)).detach()
    values.requires_grad_()
    score = model.head(values.relu())[:, target].sum()
    return values.detach(), torch.autograd.grad(score, values)[0]


@pytest.mark.parametrize("target", [0, 1])
def test_parts_and_the_strongest_group(target):
    values, gradient = at_layer(target)
    spatial, channels = factorize(values, 3)
    attributions = torch.einsum("nghw,ngk,nkhw->ng", spatial, channels, gradient)
    found = small(target)
    torch.testing.assert_close(found.extras["spatial"], spatial, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found.extras["group_attribution"], attributions, rtol=1e-6, atol=1e-9)
    pictures = found.extras["pictures"]
    assert pictures.shape == (3, 3, 3, 16, 16)
    for row, strongest in enumerate(attributions.argmax(1).tolist()):
        assert torch.equal(found.attribution[row], pictures[row, strongest])
    assert found.evaluations.tolist() == [7] * 3


def test_a_group_is_what_its_channels_look_like():
    """A group's channels, at all places, are more active in its picture after more steps."""
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(3).sigmoid()
    _, channels = factorize(at_layer(1)[0], 3)
    still = {"jitter": (0, 0), "scale": (1.0, 1.0), "rotate": 0.0, "shear": 0.0}
    reached = []
    for steps in (1, 60):
        pictures = pyxai.explain(model, images, METHOD, 1, groups=3, steps=steps, **still).extras["pictures"]
        maps = torch.nn.functional.max_pool2d(model.conv1(pictures.flatten(0, 1)).relu(), 2)
        seen = model.conv2(maps).unflatten(0, (3, 3))
        reached.append(torch.einsum("ngkhw,ngk->ng", seen, channels))
    assert (reached[1] > reached[0]).all()


def test_pictures_are_the_same_for_all_classes():
    found = small("0,1")
    assert torch.equal(found.extras["pictures"][:, 0], found.extras["pictures"][:, 1])
    assert not torch.equal(found.extras["group_attribution"][:, 0], found.extras["group_attribution"][:, 1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"groups": 9},
            "`groups` must be at most 8, the number of channels or of places",
        ),
        ({"groups": 0}, "`groups` must be a positive whole number, got 0"),
        ({"layer": "head.fc"}, "`layer` must return a map of the image"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=f"^{METHOD}: {message}"):
        small(**options)
