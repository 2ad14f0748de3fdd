"""Graphs are the same by the short way and by torch's, and nobody sees a value from before it was written."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pyxai.capture import export as exporting
from pyxai.capture.canonical import canonicalise
from pyxai.capture.classifier import Classifier
from pyxai.capture.functional import make_functional
from tests import unfriendly, vits, zoo

aten = torch.ops.aten
IMAGES = torch.rand(2, 3, 8, 8, dtype=torch.float64)


class Net(nn.Module):
    """A convolution, ``inside``, and a linear layer."""

    def __init__(self, inside):
        super().__init__()
        torch.manual_seed(0)
        self.inside, self.conv, self.fc = inside, nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 5)
        self.double().eval()

    def forward(self, x):
        return self.fc(self.inside(self.conv(x)).flatten(1))


def exported(model, images, output=None):
    """What is exported, and whether the short way was enough."""
    ways = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            exporting, "make_functional", lambda graph: ways.append(make_functional(graph)) or ways[-1]
        )
        module = exporting.export(Classifier(model, output), images)
    return module, all(ways)


def by_torch(model, images, output=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporting, "make_functional", lambda graph: False)
        return exporting.export(Classifier(model, output), images)


def calls(module):
    """The calls of a canonical graph, of which ``flatten`` may be a ``reshape``."""
    canonicalise(module)
    found = [node for node in module.graph.nodes if node.op == "call_function"]
    names = {aten.flatten.using_ints: aten.reshape.default}
    return [
        (names.get(node.target, node.target), getattr(node.meta["val"], "shape", None))
        for node in found
        if node.target is not aten.sym_size.int
    ]


def without_symbols(found):
    return [(target, shape and tuple(shape[1:]), shape and len(shape)) for target, shape in found]


@pytest.mark.parametrize(
    "name",
    [
        *unfriendly.NAMES,
        *(pytest.param(name, marks=pytest.mark.slow) for name in zoo.NAMES),
    ],
)
def test_graphs_are_those_of_torchs_own_way(name):
    if name in unfriendly.NAMES:
        model, images = unfriendly.build(name), unfriendly.images()
    else:
        ((_, model, images),) = zoo.models([name], small=True)
    try:
        theirs = by_torch(model, images)
    except exporting.CaptureError:
        pytest.skip("not captured")
    ours, _ = exported(model, images)
    assert without_symbols(calls(ours)) == without_symbols(calls(theirs))
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


SHORT = {
    "in place": lambda x: x.relu_(),
    "one after the other": lambda x: x.add_(1).mul_(2).relu_(),
    "read by the old name": lambda x: (x.mul_(2), x + 1)[1],
    "read before and after": lambda x: (x + 1) + x.relu_() * 2,
    "with itself": lambda x: x.add_(x),
    "twice": lambda x: x.sigmoid_() + x.mul_(3),
    "with settings": lambda x: F.leaky_relu_(x, 0.2).add_(x, alpha=0.5).clamp_(min=0.1),
    "a view of it later": lambda x: x.relu_().flatten(1).view(-1, 4, 64),
    "what dropout leaves": lambda x: (F.dropout(x, training=False), x.mul_(2))[0] + x,
    "what dropout is given": lambda x: (F.dropout(x, training=False).mul_(2), x)[1],
    "dropout of nothing": lambda x: (F.dropout(x, 0.0, training=True).mul_(2), x)[1],
    "contiguous": lambda x: (x.contiguous(), x.mul_(2))[0],
    "an axis split": lambda x: x.flatten(2).unflatten(-1, (2, -1)).unflatten(1, (2, 2)).sin(),
    "the same type": lambda x: (x.to(torch.float64), x.mul_(2))[0],
    "chunks": lambda x: torch.cat([part.sin() for part in x.flatten(1).chunk(3, -1)][::-1], 1),
    "another shape in place": lambda x: x.unsqueeze_(0).relu_().squeeze_(0).add_(x),
    "modules": nn.Sequential(nn.ReLU6(True), nn.SiLU(True), nn.Hardswish(True), nn.Hardtanh(-1, 1, True)),
    "norm and dropout": nn.Sequential(nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(True)),
}
LONG = {
    "a view of it before": lambda x: (x.flatten(1), x.relu_())[0],
    "a view": lambda x: (x.transpose(2, 3).relu_(), x)[1],
    "a part": lambda x: (x[:, 0].mul_(2), x)[1],
    "a part of a part": lambda x: (x[:, :2][:, 1].relu_(), x)[1],
    "detached": lambda x: (x.detach(), x.relu_())[0] + x,
    "a view of a view": lambda x: (x.view(-1).view(-1, 4, 64), x.mul_(2))[0],
    "assigned": lambda x: (x.__setitem__((slice(None), 0), 1.0), x)[1],
    "filled": lambda x: (x * 2, x.zero_())[0] + x,
    "a copy of the same type": lambda x: (x.to(torch.float64, copy=True), x.mul_(2))[0],
    "no gradient": lambda x: x + torch.no_grad()(torch.relu)(x),
    "another order in place": lambda x: x.transpose_(2, 3).add_(x),
    "a random slope that is none": lambda x: F.rrelu_(x * 1, training=False),
    "another kind of number": lambda x: x.float().add_(x).double(),
}


@pytest.mark.parametrize("name", vits.forms())
def test_vision_transformers_take_the_short_way(name):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images()
    theirs = by_torch(model, images, vit.output)
    ours, short = exported(model, images, vit.output)
    assert short
    with torch.no_grad():
        for few in (images, images[:1]):
            assert torch.equal(ours(few), theirs(few))


@pytest.mark.parametrize("name", [*SHORT, *LONG])
def test_what_is_written_is_what_the_model_computes(name):
    model = Net({**SHORT, **LONG}[name])
    module, short = exported(model, IMAGES)
    assert short is (name in SHORT)
    for node in module.graph.nodes:
        assert not (isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable)
    with torch.no_grad():
        assert torch.equal(module(IMAGES), model(IMAGES))


class Buffered(nn.Module):
    """Writes to what is not the call's own."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1, 3, 8, 8, dtype=torch.float64))

    def forward(self, x):
        self.seen.add_(1)
        return x + self.seen


@pytest.mark.parametrize("layer", [Buffered(), nn.BatchNorm2d(3), nn.ReLU(inplace=True)])
def test_writes_to_what_is_not_the_calls_own_are_found(layer):
    model = nn.Sequential(layer, nn.Flatten(), nn.Linear(192, 5)).double().train()
    with pytest.raises(exporting.CaptureError, match=r"^the model writes to "):
        exporting.export(Classifier(model), IMAGES)


STEPS = {
    "add": lambda x, y: x + y,
    "relu_": lambda x, y: x.relu_(),
    "add_": lambda x, y: x.add_(y),
    "mul_": lambda x, y: x.mul_(2),
    "clone": lambda x, y: x.clone(),
    "detach": lambda x, y: x.detach(),
    "contiguous": lambda x, y: x.contiguous(),
    "dropout": lambda x, y: F.dropout(x, training=False),
    "dropout_": lambda x, y: F.dropout(x, training=False, inplace=True),
    "feature dropout": lambda x, y: F.dropout2d(x, training=False),
    "alpha dropout": lambda x, y: F.alpha_dropout(x, 0.0, training=True),
    "flipped": lambda x, y: x.flip(3),
    "turned": lambda x, y: x.transpose(2, 3),
    "seen": lambda x, y: x.view(x.shape[0], 4, 8, 8) if x.is_contiguous() else x * 1,
    "part": lambda x, y: torch.cat([x[:, :2], y[:, 2:]], 1),
    "halves": lambda x, y: torch.cat(x.chunk(2, 1)[::-1], 1),
}


@settings(max_examples=12)
@given(st.lists(st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_any_order_of_writes_and_views(steps):
    def inside(x):
        values = [x]
        for name, first, second in steps:
            values.append(STEPS[name](values[first % len(values)], values[second % len(values)]))
        return sum(values)

    model = Net(inside)
    module, _ = exported(model, IMAGES)
    with torch.no_grad():
        assert torch.equal(module(IMAGES), model(IMAGES))
