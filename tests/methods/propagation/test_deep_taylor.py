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
