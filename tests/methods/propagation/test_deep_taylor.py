"""Deep Taylor decomposition by its root points."""

import pytest
import torch
from torch import nn

import pyxai
from tests import unfriendly, zoo

TAYLOR = ["FunctionalReLU", "InplaceAdd", "ReusedModules", "OverlappingPools", "Concatenation", "Flattened"]


@pytest.mark.parametrize("options", [{"input": "unbounded"}, {"input": "box", "low": -3.0, "high": 3.0}])
@pytest.mark.parametrize("name", [*TAYLOR, "resnet18"])
def test_relevance_is_positive_where_the_class_scores(name, options):
    if name == "resnet18":
        model, images = zoo.build(name, small=True, dtype=torch.float64), zoo.photographs(2, 64).double()
    else:
        model, images = unfriendly.build(name), unfriendly.images(3)
    with torch.no_grad():
        target = model(images).argmax(1)
    found = pyxai.explain(model, images.clamp(-3, 3), "deep_taylor", target, **options)
    assert bool((found.score > 0).all())
    assert bool((found.attribution >= 0).all()) and bool(found.attribution.any())
    assert bool((found.attribution.sum((1, 2, 3)) <= found.score * (1 + 1e-12)).all())


CONSTANT = torch.randn(4, 6, 6, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
SUMS = {  # with constants that are larger than the value, or outweigh it
    "colours": lambda x: x.mean((2, 3), keepdim=True) + CONSTANT,
    "one channel": lambda x: x[:, :1] + CONSTANT,
    "positions": lambda x: x.flatten(2).mean(-1)[:, None] + CONSTANT[:, :, 0].T,
    "large": lambda x: x + 100 * CONSTANT,
    "row and column": lambda x: x.mean(2, keepdim=True) + x.mean(3, keepdim=True) + CONSTANT,
}


class Shifted(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.LazyLinear(5)
        self.function = SUMS[name]

    def forward(self, x):
        return self.head(torch.relu(self.function(torch.relu(self.conv(x)))).flatten(1))


def shifted(name):
    """A model that adds a constant, images, and the class that scores highest for each."""
    torch.manual_seed(0)
    model, images = Shifted(name).double(), torch.randn(3, 3, 8, 8, dtype=torch.float64)
    with torch.no_grad():
        return model, images, model(images).argmax(1)


@pytest.mark.parametrize("method", ["deep_taylor", "excitation_backprop"])
@pytest.mark.parametrize("name", SUMS)
def test_a_constant_has_no_share_in_a_sum(name, method):
    """It is a bias, which z⁺ leaves out: what its value has goes to what depends on the image."""
    model, images, target = shifted(name)
    explainer = pyxai.Explainer(model, method)
    found, report = explainer(images, target), explainer.report(images, target)
    assert bool((found.score > 0).all()) and bool((found.attribution >= 0).all())
    for layer in report.layers:
        assert not layer.bias.any()
        reasons = sum(layer.reasons.values(), start=torch.zeros(3))
        assert (layer.lost - reasons).abs().max() <= 1e-12 * found.score.max()
    if name not in ("large", "one channel"):  # where values that are zero are made positive
        total = found.score if method == "deep_taylor" else torch.ones(3, dtype=torch.float64)
        assert torch.allclose(found.attribution.sum((1, 2, 3)), total, rtol=1e-12)


def one_neuron(weights, bias=0.0):
    model = nn.Sequential(nn.Flatten(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2, bias=False)).double()
    model[1].weight.data = torch.stack([weights, -weights])
    model[1].bias.data.fill_(bias)
    model[3].weight.data = torch.eye(2, dtype=torch.float64)
    return model


def taylor_term(a, w, root):
    """(a_i - ã_i) ∂z/∂a_i of z = Σ a_i w_i at the root ã, which is all of relevance where z(ã) = 0."""
    return (a - root) * w


def test_the_root_points_give_the_rules():
    """Survey eq. 16–18: ã = 0 is LRP-0; towards a - w, -w⁺ only, or the box's corner: w², z⁺, z^B."""
    w = torch.tensor([1.5, -0.5, 0.75], dtype=torch.float64)
    a = torch.tensor([0.8, 0.3, 0.6], dtype=torch.float64)
    model, images = one_neuron(w), a.reshape(1, 3, 1, 1)
    z = a @ w
    lrp_0 = pyxai.explain(model, images, "lrp", 0, composite="epsilon", epsilon=0.0).attribution.flatten()
    assert torch.allclose(lrp_0, taylor_term(a, w, torch.zeros_like(a)))
    directions = {  # root ã = a - t v with z(ã) = 0 along the search direction v
        "unbounded": (w, {}),
        "box": (a - torch.where(w > 0, 0.0, 2.0), {"low": 0.0, "high": 2.0}),
    }
    for name, (v, bounds) in directions.items():
        root = a - z / (v @ w) * v
        found = pyxai.explain(model, images, "deep_taylor", 0, input=name, **bounds).attribution.flatten()
        assert torch.allclose(found, taylor_term(a, w, root))


def test_the_misprint_of_the_root_point_of_epsilon():
    """The ε-rule is the Taylor term at ã = a ε / (z + ε); with a_j in place of z_j, as printed, it is not."""
    w = torch.tensor([1.5, -0.5, 0.75], dtype=torch.float64)
    a = torch.tensor([0.8, 0.3, 0.6], dtype=torch.float64)
    epsilon, z = 0.3, a @ w
    model, images = one_neuron(w), a.reshape(1, 3, 1, 1)
    composite = pyxai.propagation.Composite(*[pyxai.propagation.Epsilon(epsilon=0.3)] * 2)
    found = pyxai.explain(model, images, "lrp", 0, composite=composite).attribution.flatten()
    above = z / (z + epsilon)  # the ε of the layer behind
    assert torch.allclose(found, above * taylor_term(a, w, a * epsilon / (z + epsilon)))
    assert not torch.allclose(found, above * taylor_term(a, w, a * epsilon / (a + epsilon)), rtol=1e-2)
