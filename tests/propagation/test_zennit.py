"""Rule by rule and composite by composite against zennit, where zennit is right."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import AlphaBeta, Composite, Epsilon, Flat, Gamma, WSquare, ZPlus
from tests import zoo
from tests.methods import oracle

zennit = pytest.importorskip("zennit")
from zennit import attribution, composites, rules, torchvision, types  # noqa: E402

RULES = {
    "epsilon": (Epsilon(), lambda: rules.Epsilon(1e-6)),
    "epsilon ignoring biases": (Epsilon(bias="ignore"), lambda: rules.Epsilon(1e-6, zero_params="bias")),
    "z_plus": (ZPlus(), rules.ZPlus),
    "z_plus ignoring biases": (ZPlus(bias="ignore"), lambda: rules.ZPlus(zero_params="bias")),
    "alpha2_beta1": (AlphaBeta(), rules.AlphaBeta),
    "gamma": (Gamma(), rules.Gamma),
    "w_square": (WSquare(), lambda: rules.WSquare(0.0, zero_params="bias")),
    "flat": (Flat(), lambda: rules.Flat(0.0)),
}


def net():
    """Signed and non-negative values, overlapping pools, strides: a Sequential without BatchNorm."""
    model = nn.Sequential(
        nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(6, 8, 3, padding=1), nn.GELU(),
        nn.Conv2d(8, 8, 3, groups=2), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(8 * 9, 12), nn.ReLU(), nn.Linear(12, 5),
    ).double().eval()  # fmt: skip
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def theirs(model, images, composite, target):
    one_hot = torch.eye(model(images).shape[1], dtype=torch.float64)[[target] * len(images)]
    with attribution.Gradient(model, composite) as attributor:
        return attributor(images.clone(), lambda output: output * one_hot)[1]


@pytest.mark.parametrize("name", RULES)
def test_rule_by_rule(name):
    model, images = net(), torch.randn(3, 3, 32, 32, dtype=torch.float64)
    ours, make = RULES[name]
    mapped = [
        (types.Activation, rules.Pass()),
        (types.AvgPool, rules.Norm()),
        (types.Linear, make()),
    ]
    expected = theirs(model, images, composites.LayerMapComposite(mapped), 1)
    found = pyxai.explain(model, images, "lrp", 1, composite=Composite(ours, ours))
    assert oracle.relative_l1(found.attribution, expected) <= 1e-5


COMPOSITES = {
    "epsilon_plus": composites.EpsilonPlus,
    "epsilon_plus_flat": composites.EpsilonPlusFlat,
    "epsilon_alpha2_beta1": composites.EpsilonAlpha2Beta1,
    "epsilon_alpha2_beta1_flat": composites.EpsilonAlpha2Beta1Flat,
}


class RightCanonizer(torchvision.ResNetCanonizer):
    """zennit's, with the merged BatchNorm's ``eps`` taken out too, without which it changes the network."""

    def apply(self, root_module):
        instances = super().apply(root_module)
        for module in root_module.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 0.0
        return instances


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.slow) for name in COMPOSITES), "epsilon_gamma_box"]
)
def test_composites_on_a_resnet(name):
    from torchvision.models import resnet18

    model = resnet18(weights=None)
    zoo.initialise(model, 64)
    model = model.eval().double()
    images = zoo.photographs(2, 64).double()
    low, high = float(images.min()), float(images.max())
    found = pyxai.explain(model, images, "lrp", 1, composite=name, low=low, high=high)
    if name == "epsilon_gamma_box":
        bounds = (torch.full_like(images[:1], low), torch.full_like(images[:1], high))
        composite = composites.EpsilonGammaBox(*bounds, canonizers=[RightCanonizer()])
    else:
        composite = COMPOSITES[name](canonizers=[RightCanonizer()])
    expected = theirs(model, images, composite, 1)
    assert oracle.relative_l1(found.attribution, expected) <= 1e-5
