"""Maps in float32 and with sums in bfloat16 against float64."""

import copy

import pytest
import torch

import pyxai
from pyxai.propagation import Composite, Epsilon, Gamma, ZPlus
from tests import zoo
from tests.methods import oracle


def relevance(model, images, rule, precision="fp32"):
    composite = Composite(rule, Epsilon(), affine=rule)
    return pyxai.explain(model, images, "lrp", 1, composite=composite, precision=precision).attribution


def distance(call, model, images):
    return oracle.relative_l1(
        call(model, images).double(), call(copy.deepcopy(model).double(), images.double())
    )


@pytest.mark.slow
def test_epsilon_loses_no_more_digits_than_the_gradient_does():
    """Σ|R| is thousands of times |Σ R|: what float32 does to the plain gradient it does to LRP-ε."""
    pytest.importorskip("torchvision")
    model, images = zoo.build("resnet50", small=True), zoo.photographs(2, 64, seed=1)

    def gradient(net, pixels):
        leaf = pixels.clone().requires_grad_()
        return pixels * torch.autograd.grad(net(leaf)[:, 1].sum(), leaf)[0]

    def epsilon(net, pixels):
        return relevance(net, pixels, Epsilon())

    exact = epsilon(copy.deepcopy(model).double(), images.double())
    score = model(images)[:, 1].double()
    assert (exact.abs().sum((1, 2, 3)) > 100 * score.abs()).all()
    assert distance(epsilon, model, images) <= max(0.01, 1.5 * distance(gradient, model, images))


@pytest.mark.parametrize(
    "rule", [pytest.param(Gamma(), marks=pytest.mark.slow), ZPlus()], ids=["gamma", "z_plus"]
)
def test_rules_without_cancellation_keep_their_digits(rule):
    model, images = zoo.build("resnet18", small=True), zoo.photographs(2, 64, seed=1)
    assert distance(lambda net, pixels: relevance(net, pixels, rule), model, images) <= 0.01
    exact = relevance(copy.deepcopy(model).double(), images.double(), rule)
    narrow = relevance(model, images, rule, "bf16").double()
    assert oracle.relative_l1(narrow, exact) <= 0.01
    assert torch.corrcoef(torch.stack([narrow.flatten(), exact.flatten()]))[0, 1] >= 0.9999
