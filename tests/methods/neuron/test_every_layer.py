"""Every module of a model by its name: a layer is what the module returns, or is refused by its name."""

import copy

import pytest
import torch
from torch import nn

import pyxai
from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from tests import zoo
from tests.hooks import values_and_gradients


class Opaque(nn.Module):
    """A decision that no capture follows around convolutions whose values are written over."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(inplace=True),
            nn.Conv2d(6, 6, 3, padding=1),
            nn.ReLU6(inplace=True),
        )
        self.pair, self.chosen, self.head = Pair(), Chosen(), nn.Linear(6, 4)
        self.never = nn.Linear(2, 2)

    def forward(self, images):
        values = self.body(images)
        values += 1
        values, other = self.pair(values)
        self.chosen(values)
        scores = self.head((values + other).mean((2, 3)))
        return scores * (2 if float(images.detach().sum()) < 1e9 else 3)


class Pair(nn.Module):
    def forward(self, values):
        return values, values.square()


class Chosen(nn.Module):
    def forward(self, values):
        return values.argmax(1)


def network(name):
    """The model in float64, and images for it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        if name == "resnet18":
            model, size = zoo.ResNet18(10), 32
        elif name == "not captured":
            model, size = Opaque(), 12
        else:
            from torchvision import models

            size = 32
            if name == "mobilenet_v2":
                model = models.mobilenet_v2(width_mult=0.25, num_classes=10)
            else:  # as vit_b_16, but narrow
                model = models.VisionTransformer(size, 16, 2, 2, 16, 32, num_classes=10)
                nn.init.normal_(model.heads.head.weight)
        for norm in (module for module in model.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.running_mean.normal_(0, 0.1), norm.running_var.uniform_(0.5, 2)
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    return model.double().eval(), images


def returned(model, images):
    """Name to what each call of a module returns, before anything writes over it."""
    seen, calls, hooks = {}, {}, []
    for name, module in model.named_modules():
        if name:

            def see(module, arguments, output, name=name):
                calls[name] = calls.get(name, 0) + 1
                call = name if calls[name] == 1 else f"{name}#{calls[name]}"
                seen[call] = output.clone() if isinstance(output, torch.Tensor) else output

            hooks.append(module.register_forward_hook(see))
    with torch.no_grad():
        model(images.clone())
    for hook in hooks:
        hook.remove()
    return seen


def is_layer(value):
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def first_of_each_class(model, names):
    """One name for each class of modules."""
    modules, found = dict(model.named_modules()), {}
    for name in names:
        found.setdefault(type(modules[name.partition("#")[0]]), name)
    return list(found.values())


def assert_close(found, expected, layer):
    assert found.shape == expected.shape, layer
    assert (found - expected).abs().max() <= 1e-11 * expected.abs().max(), layer


def untouched(model, kept):
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and not module._backward_hooks
        assert not module.training
    state = model.state_dict()
    assert state.keys() == kept.keys() and all(torch.equal(state[name], kept[name]) for name in kept)
    assert all(p.grad is None and p.requires_grad for p in model.parameters())


NAMES = ("resnet18", "mobilenet_v2", "vit", "not captured")
FAST = ("resnet18", "not captured")
EACH = [pytest.param(name, marks=() if name in FAST else pytest.mark.slow) for name in NAMES]


@pytest.mark.parametrize("name", EACH)
def test_every_layer_has_the_value_and_gradient_of_its_module(name):
    """One capture reads them all, so that convolutions stand apart from the BatchNorms behind them."""
    model, images = network(name)
    kept, classes = copy.deepcopy(model.state_dict()), torch.tensor([3, 1])
    expected = values_and_gradients(model, images, classes)
    layers = tuple(layer for layer in expected if layer)  # all but the model itself
    assert layers == tuple(layer for layer, value in returned(model, images).items() if is_layer(value))
    program = capture(Classifier(model), images, layers=layers)
    assert program.captured == (name != "not captured")
    values, gradients, _, _ = Executor(program, len(images)).layer_gradients(
        images, layers, lambda scores: classes[:, None]
    )
    for layer in layers:
        value, gradient = expected[layer]
        assert_close(values[layer], value, layer)
        assert_close(gradients[layer][0], gradient, layer)
    untouched(model, kept)


@pytest.mark.parametrize("name", EACH)
def test_a_layer_that_a_user_names_has_what_its_module_returns(name):
    """One of each class of modules, each alone: convolutions elsewhere are folded with their BatchNorms."""
    model, images = network(name)
    kept, seen = copy.deepcopy(model.state_dict()), returned(model, images)
    layers = [layer for layer, value in seen.items() if is_layer(value)]
    assert len(layers) > 5
    for layer in first_of_each_class(model, layers):
        found = pyxai.explain(model, images, "layer_activation", layer=layer).attribution
        assert_close(found, seen[layer], layer)
    untouched(model, kept)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_no_layer_is_refused_by_its_name(name):
    model, images = network(name)
    kept, seen = copy.deepcopy(model.state_dict()), returned(model, images)
    refused = [layer for layer, value in seen.items() if not is_layer(value)]
    never = [layer for layer, _ in model.named_modules() if layer and layer not in seen]
    assert bool(refused) == bool(never) == (name in ("vit", "not captured"))
    for layer in refused:
        kind = "int64" if isinstance(seen[layer], torch.Tensor) else "tuple"
        with pytest.raises(
            TypeError, match=rf"`layer` must return a floating tensor, got .*{kind}.* '{layer}'"
        ):
            pyxai.explain(model, images, "layer_activation", layer=layer)
    for layer in never:
        message = (
            f"`layer` must name a module that the model calls, got '{layer}', whose module is called never"
        )
        with pytest.raises(ValueError, match=message):
            pyxai.explain(model, images, "layer_activation", layer=layer)
    untouched(model, kept)


def test_the_projection_of_torchs_attention_is_read_and_never_called():
    model, images = network("vit")
    layer = "encoder.layers.encoder_layer_0.self_attention.out_proj"
    assert isinstance(model.get_submodule(layer), nn.Linear)
    with pytest.raises(ValueError, match=f"must name a module that the model calls, got '{layer}'"):
        pyxai.explain(model, images, "layer_lrp", layer=layer)


@pytest.mark.parametrize("name", ["resnet18", "not captured"])
def test_the_model_comes_back_as_it_was_from_whichever_call_raises(name):
    """The model is called several times, to be compared, traced and explained."""
    model, images = network(name)
    kept = copy.deepcopy(model.state_dict())
    layer = "layer1.0.conv1" if name == "resnet18" else "body.3"
    inside = model.get_submodule(layer)
    forward, left = type(inside).forward, []

    def breaks(values):
        if not left:
            raise RuntimeError("in the middle")
        left.pop()
        return forward(inside, values)

    inside.forward = breaks
    for calls in range(40):
        left[:] = [None] * calls
        try:
            pyxai.explain(model, images, "layer_activation", layer=layer)
        except (RuntimeError, ValueError) as error:
            said = f"{error} {error.__cause__}"
        else:
            said = ""
        untouched(model, kept)
        if not said:
            break
        assert "in the middle" in said
    assert 2 < calls < 39
