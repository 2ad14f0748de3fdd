"""CAM: its identity, the heads it is exact for, and the models it refuses."""

import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import unfriendly, zoo
from tests.methods.feature_map.networks import IMAGES, RAW, averaged, dense, inside


def check(model, images, **options):
    """The mean of the map and the bias are the score, to rounding."""
    found = pyxai.explain(model, images, "cam", "top2", **RAW, **options)
    assert found.attribution.any() and found.residual.max() <= 1e-10
    return found


def test_the_map_and_its_identity():
    model = averaged()
    values, _ = inside(model, IMAGES, 2)
    found = pyxai.explain(model, IMAGES, "cam", 2, **RAW)
    expected = torch.einsum("nchw,c->nhw", values, model[-1].weight[2].detach())
    assert torch.allclose(found.attribution[:, 0], expected, rtol=1e-12, atol=1e-14)
    assert torch.allclose(found.attribution.mean((1, 2, 3)) + model[-1].bias[2], found.score, rtol=1e-12)
    assert torch.allclose(
        found.delta, found.attribution.sum((1, 2, 3)) - 192 * (found.score - model[-1].bias[2])
    )
    assert pyxai.explain(model, IMAGES, "cam", 2).delta is None


def test_it_is_grad_cam_times_the_number_of_places():
    found = pyxai.explain(averaged(), IMAGES, "cam", 2, relu=True).attribution
    assert torch.allclose(
        found, 192 * pyxai.explain(averaged(), IMAGES, "grad_cam", 2, layer="3").attribution
    )


HEADS = {
    "a convolution and an average": nn.Sequential(nn.Conv2d(6, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "an average as a window": nn.Sequential(
        nn.AvgPool2d((12, 16)), nn.Flatten(), nn.Dropout(), nn.Linear(6, 4)
    ),
    "two linear layers": nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5), nn.Linear(5, 4)
    ),
    "a norm of the averages": nn.Sequential(
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.BatchNorm1d(6), nn.Linear(6, 4)
    ),
    "a softmax": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 4), nn.Softmax(1)),
}


@pytest.mark.parametrize("head", HEADS)
def test_heads_that_are_linear_in_the_averages(head):
    torch.manual_seed(0)
    check(nn.Sequential(averaged()[:4], HEADS[head]).double().eval(), IMAGES, output_kind="scores")


@pytest.mark.parametrize(
    "name", ["FunctionalReLU", "InplaceOps", "OverlappingPools", "ReusedModules", "Concatenation"]
)
def test_maps_that_no_module_returns(name):
    check(unfriendly.build(name), unfriendly.images(2))


@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_0"])
def test_known_networks(name):
    ((_, model, images),) = zoo.models([name], n=1, dtype=torch.float64)
    check(model, images)


def test_channels_last_and_two_classes_of_one_logit():
    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.fc = averaged()[:4], nn.Linear(6, 1).double()

        def forward(self, x):
            return torch.sigmoid(self.fc(self.body(x).permute(0, 2, 3, 1).contiguous().mean((1, 2))))

    torch.manual_seed(0)
    found = check(Last().eval(), IMAGES)
    assert found.output_kind == "binary" and torch.allclose(found.attribution[:, 0], -found.attribution[:, 1])


OTHERS = {
    "dense layers": (dense(), "something else behind '3'"),
    "a clipped average": (nn.Sequential(averaged(), nn.Hardtanh(-50, 50)), "something else behind '0.3'"),
    "a maximum": (
        nn.Sequential(averaged()[:4], nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(6, 4).double()),
        "something else behind '0.3'",
    ),
    "a skip": (None, "no map of the image that all scores go through"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_heads_are_refused(name):
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = averaged()

        def forward(self, x):
            return self.body(F.relu(x)) + x.flatten(1)[:, :4].tanh()

    model, got = OTHERS[name]
    model = Skip() if model is None else model
    wanted = "end in a global average and what is linear in it (grad_cam asks for neither)"
    with pytest.raises(ValueError, match=f"^cam: `model` must {re.escape(wanted)}, got {re.escape(got)}$"):
        pyxai.explain(model.eval(), IMAGES, "cam")
