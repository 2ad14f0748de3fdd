"""Where a derivative ends between the pixels and the scores, on a graph and in a model that runs as it is."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pyxai.capture import vocabulary
from pyxai.capture.classifier import Classifier
from pyxai.capture.derivative import dead_ends, is_connected, no_gradient, where_it_ends
from pyxai.capture.export import export

IMAGES = torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class Head(nn.Module):
    """``inner`` between a convolution and a linear layer, in a module of its own."""

    class Inner(nn.Module):
        def __init__(self, function):
            super().__init__()
            self.function = function

        def forward(self, x):
            return self.function(x)

    def __init__(self, inner):
        super().__init__()
        self.conv, self.inner, self.fc = nn.Conv2d(3, 4, 3), self.Inner(inner), nn.Linear(4, 5)
        self.double().eval()

    def forward(self, x):
        return self.fc(self.inner(self.conv(x)).mean((2, 3)))


ENDS = {
    "detach": (lambda x: x.relu().detach(), "`detach` in `inner`"),
    "round": (torch.round, "`round` in `inner`"),
    "sign": (lambda x: 2 * torch.sign(x) + 1, "`sign` in `inner`"),
    "floor of a quotient": (lambda x: torch.div(x, 0.3, rounding_mode="floor"), "`div` in `inner`"),
    "comparison": (lambda x: (x > 0).double(), "`gt` in `inner`"),
    "whole numbers": (lambda x: (x * 255).to(torch.int32).double() / 255, "`_to_copy` in `inner`"),
    "argmax": (
        lambda x: F.one_hot(x.argmax(1), 4).permute(0, 3, 1, 2).double(),
        "`argmax` in `inner`",
    ),
    "places of the largest": (lambda x: x.topk(2, 1)[1].double().repeat(1, 2, 1, 1), "`topk` in `inner`"),
}
PASSES = {
    "relu": torch.relu,
    "straight through": lambda x: x + (x.round() - x).detach(),
    "a part": lambda x: x.detach() * x,
    "a mask": lambda x: x * (x > 0.1),
    "values of the largest": lambda x: x.topk(2, 1)[0].repeat(1, 2, 1, 1),
    "a choice": lambda x: torch.where(x > 0, x, x.round()),
    "fake quantisation": lambda x: torch.fake_quantize_per_tensor_affine(x, 0.1, 0, -128, 127),
    "a fraction": torch.frac,
    "a direction": lambda x: torch.sgn(torch.complex(x, x.flip(1))).real,
}


@pytest.mark.parametrize("name", ENDS)
def test_where_a_graph_ends_the_derivative(name):
    function, place = ENDS[name]
    assert dead_ends(export(Classifier(Head(function)), IMAGES).graph) == [place]


@pytest.mark.parametrize("name", PASSES)
def test_what_lets_a_derivative_through(name):
    model = Head(PASSES[name])
    assert dead_ends(export(Classifier(model), IMAGES).graph) is None
    leaf = IMAGES.clone().requires_grad_(True)
    assert is_connected(model(leaf), leaf, own=True)


def test_all_ends_are_named_and_a_constant_has_none():
    class Two(nn.Module):
        def forward(self, x):
            return x.round().flatten(1) + x.detach().flatten(1) + x.new_ones(x.shape).flatten(1)

    class Blind(nn.Module):
        def forward(self, x):
            return x.new_ones(x.shape[0], 5)

    assert len(dead_ends(export(Classifier(Two()), IMAGES).graph)) == 2
    assert dead_ends(export(Classifier(Blind()), IMAGES).graph) == []
    assert "must depend on the images' pixels" in str(no_gradient([]))
    assert str(no_gradient(list("abcd"))).endswith("got none through a, b, c and others")


def derivative(target):
    """By autograd, at points where there is one; None where it has none."""
    x = torch.tensor([-1.7, -0.4, 0.3, 2.6], dtype=torch.float64, requires_grad=True)
    schema = [argument for argument in target._schema.arguments if argument.default_value is None][1:]
    named = {argument.name: 2 for argument in schema if argument.kwarg_only}
    rest = [
        torch.full_like(x, 0.25) if "Tensor" in str(argument.type) else 0.25
        for argument in schema
        if not argument.kwarg_only
    ]
    value = target(x, *rest, **named)
    if not value.requires_grad:
        return None
    if "NotImplemented" in value.grad_fn.name():
        return None
    return torch.autograd.grad(value.sum(), x)[0]


@pytest.mark.parametrize("target", sorted(vocabulary.FLAT, key=str), ids=str)
def test_flat_operations_have_a_derivative_of_zero_or_none(target):
    found = derivative(target)
    assert found is None or not found.any()


CALLS = {name: function for name, (function, _) in ENDS.items()}


@pytest.mark.parametrize("name", CALLS)
def test_where_a_model_that_runs_as_it_is_ends_it(name):
    model = Head(CALLS[name])
    leaf = IMAGES.clone().requires_grad_(True)
    assert not is_connected(model(leaf), leaf)
    assert where_it_ends(model, model, IMAGES) == ["`inner` (Inner)"]
    assert not any(module._forward_hooks for module in model.modules())


class Quiet(nn.Module):
    def __init__(self, context):
        super().__init__()
        self.conv, self.context = nn.Conv2d(3, 4, 3), context

    def forward(self, x):
        with self.context():
            return self.conv(x).clone()


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_a_block_that_autograd_does_not_see_is_named_by_its_first_module(context):
    model = nn.Sequential(Quiet(context), nn.Flatten(), nn.Linear(64, 5)).double().eval()
    assert where_it_ends(model, lambda x: model[2](model[1](model[0](x).clone())), IMAGES) == [
        "`0.conv` (Conv2d) under torch.no_grad()"
    ]


def test_a_module_whose_value_needs_no_derivative_is_not_the_place():
    class Positions(nn.Module):
        def forward(self, x):
            return torch.linspace(0, 1, x.shape[-1], dtype=x.dtype)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.positions, self.inner, self.fc = Positions(), Quiet(torch.no_grad), nn.Linear(64, 5)

        def forward(self, x):
            return self.fc(self.inner(x + self.positions(x)).flatten(1))

    model = Net().double().eval()
    assert where_it_ends(model, model, IMAGES) == ["`inner.conv` (Conv2d) under torch.no_grad()"]


def test_a_function_of_ones_own_that_sends_nothing_is_found_last():
    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x * 1

        @staticmethod
        def backward(context, signal):
            return None

    model = Head(Nothing.apply)
    assert where_it_ends(model, model, IMAGES) == ["`inner` (Inner)"]
