"""Watching what modules return: by name and call, in one thread, and with nothing left behind."""

import threading

import pytest
import torch
from torch import nn

from pyxai.capture.layers import Watch, shapes_per_image


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.windows, self.idle = nn.Linear(4, 4), Windows(), nn.Linear(4, 4)
        self.alias = self.layer

    def forward(self, x):
        return self.windows(self.layer(self.layer(x))).relu_().unflatten(0, (len(x), 2)).sum(1)


class Windows(nn.Module):
    """Two rows for each image."""

    def forward(self, x):
        return x.unflatten(1, (2, 2)).flatten(0, 1)


@pytest.fixture
def model():
    return Twice().double()


X = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(3, 4)


def test_calls_of_a_module_are_told_apart(model):
    seen = {}
    with Watch(model, ("layer", "layer#2"), lambda name, value: seen.update({name: value.clone()})):
        model(X)
    assert torch.equal(seen["layer"], model.layer(X)) and torch.equal(
        seen["layer#2"], model.layer(model.layer(X))
    )


def test_a_module_has_all_its_names(model):
    seen = {}
    with Watch(model, ("alias#2",), lambda name, value: seen.update({name: value.clone()})):
        model(X)
    assert torch.equal(seen["alias#2"], model.layer(model.layer(X)))


def test_what_is_returned_goes_on_through_the_model(model):
    with Watch(model, ("layer#2",), lambda name, value: torch.ones_like(value)):
        assert torch.equal(model(X), torch.full((3, 2), 2.0, dtype=torch.float64))


def test_every_call_is_seen_in_the_order_in_which_they_end(model):
    model.outer, seen = nn.Sequential(nn.Identity()), []
    model.head = model.outer[0]
    with Watch(model, None, lambda name, value: seen.append(name)):
        model(model.outer(X))
    names = ["head", "outer.0", "outer", "alias", "layer", "alias#2", "layer#2", "windows"]
    assert seen == names


def test_calls_of_other_threads_are_not_seen(model):
    seen, found = [], []
    with Watch(model, ("layer",), lambda name, value: seen.append(value)):
        other = threading.Thread(target=lambda: found.append(model(X)))
        other.start()
        other.join()
        assert not seen and len(found) == 1
        model(X)
    assert len(seen) == 1


def test_hooks_are_gone_also_when_the_model_raises(model):
    with pytest.raises(RuntimeError), Watch(model, ("layer",), lambda name, value: None):
        model(X[:, :3])
    assert not any(module._forward_hooks for module in model.modules())


def test_shapes_per_image(model):
    shapes = shapes_per_image(model, model, X, ("layer#2", "windows"))
    assert shapes == {"layer#2": (1, 4), "windows": (2, 2)}


@pytest.mark.parametrize(
    "layer, message",
    [
        ("idle", "`layer` must name a module that the model calls, got 'idle', whose module is called never"),
        ("windows#2", "got 'windows#2', whose module is called once"),
        ("window", r"a module of the model, .* got 'window' \(did you mean 'windows'\?\)"),
        ("layer#0", r"`layer` must name a module of the model, with #2 behind it .* got 'layer#0'"),
        ("layer#x", r"got 'layer#x'"),
        ("features.12", r"got 'features.12' \(it has layer, windows, idle"),
        ("layer.inner.conv", r"got 'layer.inner.conv' \(layer has none\)"),
        (
            "alias",
            r"say which call is meant, as in 'layer#2', got 'alias', .* is called 2 times",
        ),
    ],
)
def test_what_is_no_layer(model, layer, message):
    with pytest.raises(ValueError, match=message):
        shapes_per_image(model, model, X, (layer,))


def test_names_of_one_call_all_see_it(model):
    seen = {}
    with Watch(model, ("layer#2", "alias#2"), lambda name, value: seen.update({name: value.clone()})):
        model(X)
    assert torch.equal(seen["layer#2"], seen["alias#2"])


def test_copies_of_all_images_behind_each_other_are_no_windows():
    class Twofold(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            return self.layer(torch.cat([x, -x])).sum(1)

    model = Twofold()
    with pytest.raises(ValueError, match="one image after the other, got 'layer'"):
        shapes_per_image(model, model, X, ("layer",))


@pytest.mark.parametrize("kind", [ValueError, RuntimeError, KeyError])
def test_a_model_that_raises_is_named_in_one_line(model, kind):
    def raises(images):
        raise kind("three at most\nand\nmore")

    with pytest.raises(ValueError, match=r"^`model` must let its layers be read: \w+Error: [^\n]*$"):
        shapes_per_image(model, raises, X, ("layer",))
