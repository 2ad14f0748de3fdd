"""Agreement with Captum, where Captum is right, in float64 on five networks."""

import numpy as np
import pytest
import torch

import pyxai
from pyxai import ops
from pyxai.methods.path.quadrature import quadrature
from tests import zoo
from tests.methods import oracle

captum = pytest.importorskip("captum.attr")

NETS = ["resnet18", "squeezenet1_0"]
LARGE = [pytest.param(name, marks=pytest.mark.slow) for name in ("mobilenet_v3_small", "vgg16", "vit_b16")]
RULES = {"midpoint": "riemann_middle", "gauss_legendre": "gausslegendre"}


@pytest.fixture(scope="module", params=[*NETS, *LARGE])
def case(request):
    ((_, model, images),) = zoo.models([request.param], n=2, small=True, dtype=torch.float64)
    return model, images, torch.tensor([7, 400])


def test_saliency_and_input_x_gradient(case):
    model, images, target = case
    theirs = captum.Saliency(model).attribute(images.clone(), target)
    ours = pyxai.explain(model, images, "saliency", target).attribution
    assert oracle.relative_l1(ours, theirs.amax(1, keepdim=True)) <= 1e-9
    theirs = captum.InputXGradient(model).attribute(images.clone(), target)
    assert (
        oracle.relative_l1(pyxai.explain(model, images, "input_x_gradient", target).attribution, theirs)
        <= 1e-9
    )


@pytest.mark.parametrize("rule", ["midpoint", pytest.param("gauss_legendre", marks=pytest.mark.slow)])
def test_integrated_gradients(case, rule):
    """Captum keeps nodes and step sizes in float32, which moves its maps by up to 1e-6 where a network bends
    (hard-swish). A plain loop with nodes so rounded accounts for all of the difference beyond 1e-7.
    """
    model, images, target = case
    start = 0.5 * images.flip(0)  # no constant image: max-pooling breaks its ties as it likes
    node, weight = quadrature(rule, 6)

    def loop(node, weight):
        rows = zip(images, start, target, strict=True)
        return torch.stack([oracle.integrated_gradients(model, *row, node, weight) for row in rows])

    exact, rounded = loop(node, weight), loop(node.float().double(), weight.float().double())
    path = captum.IntegratedGradients(model)
    theirs = path.attribute(images, start, target, n_steps=6, method=RULES[rule]).double()
    explained = {"rule": rule, "steps": 6, "baseline": start}
    ours = pyxai.explain(model, images, "integrated_gradients", target, **explained).attribution
    assert oracle.relative_l1(ours, exact) <= 1e-12
    assert oracle.relative_l1(ours, theirs) <= 1e-7 + 2 * oracle.relative_l1(rounded, exact)


def test_gradient_shap_with_the_same_draws(case, monkeypatch):
    model, images, target = case
    samples = 4
    number = torch.arange(samples)
    seed = ops.derive_seed(0, "position")
    ours = pyxai.explain(model, images, "expected_gradients", target, samples=samples)
    alpha = torch.cat(
        [ops.uniform_noise(torch.full_like(number, row), number, seed, (1,))[:, 0] for row in range(2)]
    )
    monkeypatch.setattr(np.random, "uniform", lambda low, high, size: alpha.double().numpy())
    theirs = captum.GradientShap(model).attribute(
        images, torch.zeros_like(images[:1]), n_samples=samples, stdevs=0.0, target=target
    )
    assert oracle.relative_l1(ours.attribution, theirs) <= 1e-9


def test_captums_trapezoid_does_not_integrate_a_constant():
    """Its weights sum to (n - 1) / n; ours to 1. On a linear model the rule must be exact."""
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 4, 2)).double()
    images = torch.rand(1, 3, 4, 4, dtype=torch.float64)
    exact = images * model[1].weight[0].reshape(1, 3, 4, 4)
    theirs = captum.IntegratedGradients(model).attribute(
        images, target=0, n_steps=5, method="riemann_trapezoid"
    )
    ours = pyxai.explain(model, images, "integrated_gradients", 0, rule="trapezoid", steps=5).attribution
    assert oracle.relative_l1(ours, exact) <= 1e-13
    assert oracle.relative_l1(theirs, 0.8 * exact) <= 1e-6
