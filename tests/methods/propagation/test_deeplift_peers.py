"""Agreement with Captum and shap where they are right, and what they do where they are not."""

import pytest
import torch
from torch import nn

import pyxai
from tests import unfriendly
from tests.methods import oracle


def network(*between, features=8 * 16 * 16):
    """Two convolutions with ``between`` behind them, and two dense layers."""
    torch.manual_seed(0)
    first, second = between
    layers = (
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), *first, nn.Conv2d(8, 8, 3, padding=1), *second,
        nn.Flatten(), nn.Linear(features, 12), nn.ReLU(), nn.Linear(12, 5),
    )  # fmt: skip
    return nn.Sequential(*layers).double().eval()


@pytest.fixture
def images():
    return unfriendly.images(3)


@pytest.fixture
def starts():
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Sigmoid, nn.Tanh, nn.Softplus, nn.ELU, nn.LeakyReLU])
def test_captum_without_pools(activation, images, starts):
    captum = pytest.importorskip("captum.attr")
    model = network([activation()], [activation()])
    theirs = captum.DeepLift(model).attribute(images.clone(), starts[:3].clone(), target=2)
    ours = pyxai.explain(model, images, "deeplift", 2, baseline=starts[:3]).attribution
    assert oracle.relative_l1(ours, theirs) <= 1e-6


def test_captum_deep_shap(images, starts):
    captum = pytest.importorskip("captum.attr")
    model = network([nn.ReLU()], [nn.ReLU()])
    theirs = captum.DeepLiftShap(model).attribute(images.clone(), starts.clone(), target=2)
    ours = pyxai.explain(model, images, "deeplift", 2, baseline=starts[None]).attribution
    assert oracle.relative_l1(ours, theirs) <= 1e-6


POOLS = {
    "2x2": ([nn.ReLU(), nn.MaxPool2d(2)], [nn.ReLU(), nn.MaxPool2d(2)], 8 * 4 * 4),
    "before the activation": ([nn.MaxPool2d(2), nn.ReLU()], [nn.MaxPool2d(4), nn.Tanh()], 8 * 2 * 2),
}


@pytest.mark.parametrize("pools", POOLS)
def test_shap_with_pools_that_do_not_overlap(pools, images, starts):
    shap = pytest.importorskip("shap")
    first, second, features = POOLS[pools]
    model = network(first, second, features=features)
    theirs = shap.DeepExplainer(model, starts).shap_values(images.clone().requires_grad_(True))[..., 2]
    ours = pyxai.explain(model, images, "deeplift", 2, baseline=starts[None])
    assert ours.residual.max() <= 1e-9
    assert oracle.relative_l1(ours.attribution, torch.from_numpy(theirs).to(images)) <= 1e-6
