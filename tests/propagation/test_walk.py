"""The walker, with the plainest method there is: the gradient."""

import pytest
import torch

import pyxai
from pyxai.capture.classifier import Classifier
from pyxai.capture.layers import find_layer
from pyxai.capture.needs import Needs
from pyxai.capture.program import capture
from pyxai.capture.split import before
from pyxai.propagation import Composite, Epsilon, Gamma
from pyxai.propagation.elementary import elementary
from pyxai.propagation.lrp.relevance import Relevance
from pyxai.propagation.lrp.relevances import Relevances
from pyxai.propagation.vjp import derivative
from pyxai.propagation.walk import Propagation, Rule, Walk
from tests import unfriendly, zoo


class Derivative(Rule):
    def plan(self, step, form):
        return [(source, None) for source in step.sources], step.sources

    def backward(self, step, message, tape):
        return derivative(step, message, tape)


class Gradient(Propagation):
    def rule(self, step):
        return Derivative()


def graph(model, images):
    return elementary(capture(Classifier(model), images, Needs.GRAPH).forward)


def one_hot(scores, target):
    return torch.nn.functional.one_hot(torch.tensor(target), scores.shape[1]).to(scores)


def network(name):
    if name in unfriendly.NAMES:
        return unfriendly.build(name), unfriendly.images(3)
    size = zoo.ZOO[name].small
    return zoo.build(name, small=True, dtype=torch.float64), zoo.photographs(2, size).double()


@pytest.mark.parametrize(
    "name", [*unfriendly.NAMES, "resnet18", pytest.param("vit_b16", marks=pytest.mark.slow)]
)
def test_a_walk_of_derivatives_is_the_gradient(name):
    model, images = network(name)
    walk = Walk(graph(model, images), Gradient())
    tape = walk.forward(images)
    leaf = images.clone().requires_grad_(True)
    scores = model(leaf.clone())
    assert torch.allclose(tape[walk.end], scores, rtol=1e-10)
    for target, again in ((1, True), (3, False)):  # two targets share one forward pass
        message = one_hot(scores, [target] * len(images))
        expected = torch.autograd.grad(scores[:, target].sum(), leaf, retain_graph=True)[0]
        found = walk.backward(tape, message, again)
        assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_the_tape_holds_what_is_read_and_lets_it_go():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    walk = Walk(graph(model, images), Gradient())
    tape = walk.forward(images)
    held = set(tape.values) - set(walk.constants)
    read = {source for step in walk.rules for source in step.sources}
    assert held == read | {walk.images, walk.end}
    walk.backward(tape, torch.ones_like(tape[walk.end]))
    assert set(tape.values) - set(walk.constants) == {walk.images, walk.end}


def test_a_step_without_a_rule_is_named():
    class Nothing(Propagation):
        def rule(self, step):
            raise step.unsupported("give it one")

    model, images = unfriendly.build("Smooth"), unfriendly.images(1)
    with pytest.raises(ValueError, match=r"^no rule for the operation `linear` in `head\.fc`; give it one"):
        Walk(graph(model, images), Nothing())


@pytest.mark.parametrize("name", ["InplaceAdd", "Flattened", "Concatenation", "SharedConvOutput"])
@pytest.mark.parametrize(
    "method, options",
    [
        ("lrp", {"composite": "epsilon"}),
        ("lrp", {"composite": "epsilon_alpha2_beta1_flat"}),
        ("lrp", {"composite": Composite(Epsilon(bias="ignore"), Gamma(bias="spread"))}),
        ("deeplift", {}),
        ("guided_backprop", {}),
    ],
)
def test_what_rules_write_over_is_read_no_more(name, method, options):
    """Only the last walk back over a tape writes over values: it must find what the first one found."""
    model, images = network(name)
    twice = torch.ones(len(images), 2, dtype=torch.int64)
    found = pyxai.explain(model, images, method, twice, **options).attribution
    assert torch.equal(found[:, 0], found[:, 1])


class Viewed(torch.nn.Module):
    """A value of which a view is read after, on the way back, the ReLU of all of it."""

    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv2d(3, 4, 3).double(), torch.nn.Linear(4, 5).double()

    def forward(self, x):
        z = self.conv(x)
        part = torch.sigmoid(z[:, 1:3])
        return self.fc(torch.cat([torch.relu(z)[:, :2], part], 1).mean((2, 3)))


def test_a_value_of_which_there_are_views_is_not_written_over():
    images, twice = unfriendly.images(3), torch.ones(3, 2, dtype=torch.int64)
    found = pyxai.explain(Viewed().eval(), images, "deeplift", twice).attribution
    assert torch.equal(found[:, 0], found[:, 1])


def test_the_last_walk_back_writes_over_values():
    model, images = network("FunctionalReLU")
    module = graph(model, images)
    walk = Walk(module, Relevances(module, Composite(Epsilon(), Epsilon()), "lrp"))
    tape = walk.forward(images)
    message = Relevance(one_hot(tape[walk.end], [1] * len(images)), None)
    values = [tape[step.node] for step in walk.steps.values() if step.node in tape.values]
    before = [value.clone() for value in values]
    walk.backward(tape, message, again=True)
    assert all(map(torch.equal, values, before))
    walk.backward(tape, message)
    assert not all(map(torch.equal, values, before))


@pytest.mark.parametrize(("net", "layer"), [("InplaceAdd", "conv1"), ("InplaceAdd", "conv2"), ("Gate", "up")])
def test_a_walk_to_a_layer_is_the_gradient_by_it(net, layer):
    """Also where something bypasses it; what lies before is not walked."""
    model, images = unfriendly.build(net), unfriendly.images(3)
    program = capture(Classifier(model), images, Needs.GRAPH, layers=(layer,))
    module = elementary(program.forward)
    walk = Walk(module, Gradient(), at=find_layer(module, layer))
    tape = walk.forward(images)
    seen = []
    hook = getattr(model, layer).register_forward_hook(
        lambda m, a, value: seen.append(value) or value.clone()
    )
    scores = model(images)
    hook.remove()
    (expected,) = torch.autograd.grad(scores[:, 1].sum(), seen[0])
    found = walk.backward(tape, one_hot(scores, [1] * 3))
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-14)
    assert torch.equal(walk.of_images(found, 3), found)
    assert layer not in {step.module for step in walk.rules}


def test_a_walk_to_what_the_output_does_not_depend_on_is_refused():
    model, images = unfriendly.build("Gate"), unfriendly.images(2)
    module = elementary(capture(Classifier(model), images, Needs.GRAPH, layers=("conv1", "up")).forward)
    with pytest.raises(ValueError, match="`layer` must name a module that the scores depend on, got 'up'"):
        Walk(before(module, find_layer(module, "conv1")), Gradient(), at=find_layer(module, "up"))
