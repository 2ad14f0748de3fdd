"""Exchanged functions have the derivatives that they should, and the values that they had."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.sweep.exchange import Rectifiers, Relevances


def gradient(function, x, mode):
    """Of the sum of what ``function`` gives under ``mode``; the values are those without it."""
    leaf = x.detach().requires_grad_(True)
    with mode:
        value = function(leaf * 1)
    torch.testing.assert_close(value, function(x.detach().clone()), rtol=1e-13, atol=1e-13)
    return torch.autograd.grad(value.sum(), leaf)[0]


def drawn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# --- ReLUs --------------------------------------------------------------------------------------------------


class Rectified(nn.Module):
    """Two linear layers with a rectifier between them, and what it was given beside what it made."""

    def __init__(self, rectify):
        super().__init__()
        self.first, self.last, self.rectify = nn.Linear(7, 9), nn.Linear(9, 5), rectify

    def forward(self, x):
        return self.last(self.rectify(self.first(x)))


def written_over(function):
    """What is in a value after ``function`` wrote over it."""

    def call(x):
        function(x)
        return x

    return call


RELUS = {
    "module": nn.ReLU(),
    "module in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": written_over(lambda x: F.relu(x, inplace=True)),
    "torch.relu": torch.relu,
    "torch.relu_": written_over(torch.relu_),
    "relu": lambda x: x.relu(),
    "relu_": written_over(lambda x: x.relu_()),
    "torch.clamp": lambda x: torch.clamp(x, min=0),
    "clamp": lambda x: x.clamp(min=0.0),
    "clamp_": written_over(lambda x: x.clamp_(0)),
    "clamp_min": lambda x: x.clamp_min(0),
    "clip": lambda x: x.clip(0),
    "by name": lambda x: torch.relu(input=x),
}
SIXES = {
    "module": nn.ReLU6(),
    "module in place": nn.ReLU6(inplace=True),
    "F.relu6": F.relu6,
    "F.hardtanh": lambda x: F.hardtanh(x, 0, 6),
    "nn.Hardtanh in place": nn.Hardtanh(0.0, 6.0, inplace=True),
    "clamp": lambda x: x.clamp(0, 6),
    "clamp_": written_over(lambda x: x.clamp_(min=0, max=6)),
}
LEAKY = {
    "module": nn.LeakyReLU(0.1),
    "in place": nn.LeakyReLU(0.1, inplace=True),
    "F": lambda x: F.leaky_relu(x, 0.1),
}
NONE = {
    "GELU": F.gelu,
    "hard tanh": F.hardtanh,
    "clamp above zero": lambda x: x.clamp(min=0.1),
    "clamp from above": lambda x: x.clamp(max=0),
}


@pytest.mark.parametrize(
    "rectify, slope",
    [
        *((rectify, lambda z: (z > 0).double()) for rectify in RELUS.values()),
        *((rectify, lambda z: ((z > 0) & (z < 6)).double()) for rectify in SIXES.values()),
        *((rectify, lambda z: 0.1 + 0.9 * (z > 0).double()) for rectify in LEAKY.values()),
    ],
    ids=[*RELUS, *(f"6 {name}" for name in SIXES), *(f"leaky {name}" for name in LEAKY)],
)
def test_every_form_of_a_relu_is_exchanged(rectify, slope):
    """By hand: the signal, without its negative part, times the slope, through the transposed layers."""
    torch.manual_seed(0)
    model = Rectified(rectify).double()
    x = 4 * torch.randn(6, 7, dtype=torch.float64, requires_grad=True)
    with Rectifiers():
        scores = model(x)
    assert torch.equal(scores, model(x))
    (found,) = torch.autograd.grad(scores[:, 2].sum(), x)
    expected = (model.last.weight[2].clamp(min=0) * slope(model.first(x))) @ model.first.weight
    assert (found - expected).abs().max() <= 1e-14 * expected.abs().max()


@pytest.mark.parametrize("function", NONE.values(), ids=NONE)
def test_other_functions_are_not_exchanged(function):
    torch.manual_seed(0)
    model = Rectified(function).double()
    x = torch.randn(6, 7, dtype=torch.float64, requires_grad=True)
    with Rectifiers():
        (found,) = torch.autograd.grad(model(x)[:, 2].sum(), x)
    assert torch.equal(found, torch.autograd.grad(model(x)[:, 2].sum(), x)[0])


def test_a_value_that_was_written_over_sends_one_signal():
    """Its old value is gone, so that the new one's signal is all there is."""
    torch.manual_seed(0)
    x, weight = (
        torch.randn(2, 8, dtype=torch.float64, requires_grad=True),
        torch.randn(8, dtype=torch.float64),
    )
    with Rectifiers():
        value = x * 1
        other = F.relu(value, inplace=True)
        (found,) = torch.autograd.grad(((value + other) * weight).sum(), x)
    assert torch.equal(found, (2 * weight).clamp(min=0) * (x > 0))


# --- LRP-0 --------------------------------------------------------------------------------------------------

X, OTHER, WEIGHT = drawn(4, 6, 8), drawn(4, 6, 8, seed=1), drawn(8, seed=2)


def close(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        F.relu, F.gelu, F.silu, F.hardswish, F.hardsigmoid, F.elu, F.softplus, F.mish, F.relu6, F.leaky_relu,
        torch.tanh, torch.sigmoid, torch.erf, torch.abs, torch.square, lambda x: x**2, lambda x: x.pow(3),
        lambda x: x.clamp(-1, 1), lambda x: F.normalize(x, dim=-1), lambda x: F.rms_norm(x, (8,), WEIGHT),
        written_over(lambda x: F.silu(x, inplace=True)), written_over(torch.relu_),
        nn.Hardswish(inplace=True),
    ],
)  # fmt: skip
def test_activations_are_factors(function):
    close(gradient(function, X, Relevances()) * X, function(X.clone()))


def test_a_value_of_zero_has_no_multiplier():
    x = X.where(X > 0, 0.0)
    close(gradient(torch.sigmoid, x, Relevances()), torch.where(x > 0, torch.sigmoid(x) / x, 0.0))


@pytest.mark.parametrize(
    "product",
    [
        lambda a, b: a * b,
        lambda a, b: torch.mul(b, a),
        lambda a, b: written_over(lambda x: x.mul_(b))(a * 1),
        lambda a, b: written_over(lambda x: x.__imul__(b))(a * 1),
        lambda a, b: (a @ b.mT).diagonal(dim1=-2, dim2=-1),
        lambda a, b: torch.einsum("nij,nij->ni", a, b),
        lambda a, b: torch.einsum("nij,nij->ni", [a, b]),
    ],
)
def test_each_factor_has_half(product):
    close(gradient(lambda x: product(x, x.exp()), X, Relevances()), (X.exp() + X * X.exp()) / 2)


def test_a_factor_that_does_not_depend_on_the_image_has_nothing():
    close(gradient(lambda x: x * OTHER, X, Relevances()), OTHER)
    close(gradient(lambda x: x @ OTHER.mT, X, Relevances()), OTHER.sum(1, keepdim=True).expand_as(X))


@pytest.mark.parametrize(
    "quotient",
    [
        lambda x: x / (x.exp() + 1),
        lambda x: torch.div(x, x.exp() + 1),
        lambda x: x * (x.exp() + 1).reciprocal(),
        lambda x: x * (x.exp() + 1) ** -1,
        lambda x: x * (1 / (x.exp() + 1)),
        lambda x: x * torch.rsqrt((x.exp() + 1) ** 2),
        lambda x: written_over(lambda y: y.div_(x.exp() + 1))(x * 1),
    ],
)
def test_the_numerator_takes_all(quotient):
    close(gradient(quotient, X, Relevances()), 1 / (X.exp() + 1))


def test_divisions_of_numbers_stay_what_they_are():
    positions = torch.arange(8, dtype=torch.float64)
    found = gradient(lambda x: x * torch.div(positions, 2, rounding_mode="floor"), X, Relevances())
    close(found, torch.div(positions, 2, rounding_mode="floor").expand_as(X))


@pytest.mark.parametrize(
    "norm, dims",
    [
        (nn.LayerNorm(8), (2,)),
        (nn.LayerNorm((6, 8)), (1, 2)),
        (nn.LayerNorm(8, elementwise_affine=False), (2,)),
        (nn.GroupNorm(1, 6), (1, 2)),
        (nn.GroupNorm(6, 6), (2,)),
    ],
)
def test_deviations_are_constants(norm, dims):
    norm = norm.double().requires_grad_(False)
    for number, parameter in enumerate(norm.parameters()):
        parameter.copy_(drawn(*parameter.shape, seed=number))
    scale = torch.ones_like(X)
    if getattr(norm, "weight", None) is not None:
        scale = scale * (norm.weight if isinstance(norm, nn.LayerNorm) else norm.weight[:, None])
    constant = scale / (X.var(dims, correction=0, keepdim=True) + norm.eps).sqrt()
    centred = constant - constant.mean(dims, keepdim=True)
    close(gradient(norm, X, Relevances()), centred)


@pytest.mark.parametrize("mask", [None, torch.ones(6, 6).tril().bool(), drawn(6, 6, seed=5)])
@pytest.mark.parametrize("scale", [None, 1.0])
def test_attention_is_two_products_and_a_softmax(mask, scale):
    """By hand: half to the values, and half to the weights, a quarter of which is each of its factors'."""

    def spelled(x, halves):
        q, k, v = x, x.sin(), x.cos()
        scores = halves(q, k.mT) * (1 / math.sqrt(8) if scale is None else scale)
        if mask is not None:
            scores = scores.masked_fill(~mask, -math.inf) if mask.dtype == torch.bool else scores + mask
        return halves(scores.softmax(-1), v)

    def fused(x):
        return F.scaled_dot_product_attention(x, x.sin(), x.cos(), attn_mask=mask, scale=scale)

    leaf = X.clone().requires_grad_(True)
    value = spelled(leaf, lambda a, b: (a @ b.detach() + a.detach() @ b) / 2)
    (expected,) = torch.autograd.grad(value.sum(), leaf)
    close(gradient(fused, X, Relevances()), expected)
    close(gradient(lambda x: spelled(x, torch.matmul), X, Relevances()), expected)


def test_a_softmax_of_one_number_is_a_constant():
    one = X[..., :1]
    for softmax in (lambda x: x.softmax(-1), lambda x: F.softmax(x, dim=-1)):
        close(gradient(lambda x, softmax=softmax: softmax(x) * x, one, Relevances()), torch.ones_like(one))
    alone = X[:, :1]
    attention = gradient(lambda x: F.scaled_dot_product_attention(x, x, x), alone, Relevances())
    close(attention, torch.ones_like(alone))


@pytest.mark.parametrize(
    "function", [lambda x: x.softmax(-1) * WEIGHT, lambda x: x.amax(-1), lambda x: x.exp()]
)
def test_the_rest_has_its_own_derivative(function):
    leaf = X.clone().requires_grad_(True)
    close(gradient(function, X, Relevances()), torch.autograd.grad(function(leaf).sum(), leaf)[0])
