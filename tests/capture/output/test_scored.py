"""What is explained, of captured models and of models that run as they are, against the bare model."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.needs import Needs
from pyxai.capture.output.kinds import Asked, Output
from pyxai.capture.output.scored import Scored
from pyxai.capture.program import capture
from tests.capture.against import captured, relative

IMAGES = torch.rand(3, 3, 6, 6, dtype=torch.float64)
MASK = torch.arange(36).reshape(6, 6).remainder(3).double()


class Maps(nn.Module):
    """Maps of four classes behind `end`; `eager` makes it a model that cannot be captured."""

    def __init__(self, end=None, eager=False):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.one, self.two = nn.Conv2d(3, 5, 3, padding=1).double(), nn.Conv2d(5, 4, 1).double()
        self.end, self.eager = end or nn.Identity(), eager

    def forward(self, images):
        if self.eager and images.sum() < 0:
            return None
        return self.end(self.two(F.relu(self.one(images))))


def pixel(output):
    return output[2, 3, 4]


def masked(output):
    return (output[1] * MASK).sum()


def similarity(output):
    return F.cosine_similarity(output[0].flatten(), MASK.flatten(), dim=0)


def chosen(output):
    return output[1][MASK.bool()].sum()  # its shape depends on values


def branching(output):
    return output[0, 0, 0] if output[0, 0, 0] > output[1, 0, 0] else 2 * output[1, 0, 0]


def scaled(output):
    with torch.no_grad():  # here vmap makes a tensor of the number
        doubled = output[1, 2, 3] * 2
    return output[0, 2, 3] + doubled


CALLS = (pixel, masked, similarity, chosen, branching)


def number(call, model, images):
    """The numbers and their gradients, by a loop over images and plain autograd."""
    leaf = images.clone().requires_grad_(True)
    numbers = torch.stack([call(output) for output in model(leaf)])
    return numbers.detach(), torch.autograd.grad(numbers.sum(), leaf)[0]


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_a_callable_makes_one_number_of_an_image(call, eager):
    model = Maps(eager=eager).eval()
    program = capture(Classifier(model, any_shape=True), IMAGES, asked=Asked(call=call))
    assert program.captured is not eager and (program.classes, program.output.kind) == (1, "scores")
    scores, gradient = captured(program, IMAGES)
    numbers, right = number(call, model, IMAGES)
    assert relative(scores[:, 0], numbers) <= 1e-12 and relative(gradient, right) <= 1e-12


@pytest.mark.parametrize("kind", ["auto", "probabilities"])
def test_a_callable_sees_what_is_explained(kind):
    model = Maps(nn.Softmax(1)).eval()
    program = capture(Classifier(model, any_shape=True), IMAGES, asked=Asked(kind, call=masked))
    assert program.output.taken_off is (kind == "auto")
    _, gradient = captured(program, IMAGES)
    assert relative(gradient, number(masked, Maps() if kind == "auto" else model, IMAGES)[1]) <= 1e-12


def test_methods_that_go_by_the_graph_refuse_what_cannot_be_traced():
    classifier = Classifier(Maps().eval(), any_shape=True)
    assert capture(classifier, IMAGES, Needs.GRAPH, asked=Asked(call=similarity)).captured
    for call in (chosen, branching):
        with pytest.raises(
            ValueError, match=f"`target` must be made of operations .* got .*:{call.__name__}"
        ):
            capture(classifier, IMAGES, Needs.GRAPH, asked=Asked(call=call))


class Reversed(torch.autograd.Function):
    """The identity, with the derivative of the opposite."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values):
        return values.clone()

    @staticmethod
    def setup_context(ctx, inputs, output):
        pass

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


def without_the_scale(output):
    with torch.no_grad():
        scale = output.abs().sum()
    return output[1, 2, 3] / scale


def hooked(output):
    output = 2 * output
    if output.requires_grad:
        output.register_hook(lambda gradient: 3 * gradient)
    return output.sum()


def reversed_(output):
    return Reversed.apply(output)[2].mean()


def straight_through(output):
    return (output + (output.round() - output).detach())[2].sum()


@pytest.mark.parametrize("eager", [False, True])
@pytest.mark.parametrize("call", [without_the_scale, hooked, reversed_, straight_through])
def test_a_callable_keeps_its_own_gradient(call, eager):
    model = Maps(eager=eager).eval()
    program = capture(Classifier(model, any_shape=True), IMAGES, asked=Asked(call=call))
    assert relative(captured(program, IMAGES)[1], number(call, model, IMAGES)[1]) <= 1e-12


def test_methods_that_go_by_the_graph_say_what_of_a_callable_they_follow():
    classifier = Classifier(Maps().eval(), any_shape=True)
    notes = {
        call: capture(classifier, IMAGES, Needs.GRAPH, asked=Asked(call=call)).note
        for call in (without_the_scale, hooked, scaled, straight_through, similarity)
    }
    for call in (without_the_scale, hooked, scaled):
        assert f":{call.__name__} is not the derivative of what it computes" in notes[call]
    assert notes[straight_through] == notes[similarity] == ""


def rounded(output):
    return output[1].round().sum()


def chosen_class(output):
    return output.flatten().argmax()


def detached(output):
    return output.sum().detach()


def constant(output):
    return output.new_tensor(3.0)


def read(output):
    return torch.tensor(output[0, 0, 0].item())


def quiet(output):
    with torch.no_grad():
        return 2 * output.sum()


FLAT = [
    (rounded, "through `round` in .*:rounded"),
    (chosen_class, "through `argmax` in .*:chosen_class"),
    (detached, "through `detach` in .*:detached"),
    (constant, "from .*:constant"),
    (read, "from .*:read"),
    (quiet, "from .*:quiet"),
]


@pytest.mark.parametrize("call, place", FLAT)
def test_a_callable_without_a_gradient_is_refused_where_one_is_asked_for(call, place):
    captured_one, eager = (Classifier(Maps(eager=eager).eval(), any_shape=True) for eager in (False, True))
    asked = Asked(call=call)
    message = "^`target` must have a gradient by the model's output for this method, got none "
    with pytest.raises(ValueError, match=f"{message}{place}$"):
        capture(captured_one, IMAGES, asked=asked)
    with pytest.raises(ValueError, match=f"{message}from .*:{call.__name__}$"):
        capture(eager, IMAGES, asked=asked)
    if call is quiet:  # what it computes has a derivative, which methods of the graph follow, and say so
        note = capture(captured_one, IMAGES, Needs.GRAPH, asked=asked).note
        assert "quiet is not the derivative of what it computes" in note
    else:
        with pytest.raises(ValueError, match=r"^`target` must (have a gradient|be made of operations)"):
            capture(captured_one, IMAGES, Needs.GRAPH, asked=asked)
    assert capture(captured_one, IMAGES, Needs.SCORES, asked=asked).forward(IMAGES).shape == (3, 1)


def test_a_callable_whose_gradient_happens_to_be_zero_is_none_without_one():
    program = capture(
        Classifier(Maps().eval(), any_shape=True), IMAGES, asked=Asked(call=lambda o: o.clamp(99).sum())
    )
    assert not captured(program, IMAGES)[1].any()


def test_a_model_as_it_is_has_its_output_brought_to_scores():
    model = nn.Sequential(nn.Flatten(), nn.Linear(108, 1).double())
    scored = Scored(Classifier(model), Output("binary", single=True))

    assert torch.equal(scored(IMAGES), torch.cat([-model(IMAGES), model(IMAGES)], 1))


class Confident(nn.Module):
    """A classifier whose probabilities are 0 and 1 up to rounding."""

    def __init__(self, end):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.body = nn.Sequential(nn.Flatten(), nn.Linear(108, 4)).double()
        self.body[1].weight.data *= 300
        self.end = end

    def forward(self, images):
        return self.end(self.body(images))


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()])
def test_a_confident_end_does_not_make_its_backward_pass_look_like_another(end):
    model = Confident(end).eval()
    program = capture(Classifier(model), IMAGES)
    assert program.captured and program.output.taken_off
    assert torch.equal(program.forward(IMAGES), capture(Classifier(model.body), IMAGES).forward(IMAGES))


class Doubled(torch.autograd.Function):
    """The identity, with twice its derivative."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


@pytest.mark.parametrize("scale", [1, 300, 1e6])
@pytest.mark.parametrize("end", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()])
def test_a_saturated_end_does_not_hide_a_backward_pass_of_its_own(end, scale):
    """At the largest scale all probabilities are 0 or 1, and their gradients exactly 0."""
    model = Confident(nn.Sequential(nn.Identity(), end)).eval()
    model.body[1].weight.data *= scale / 300
    assert capture(Classifier(model), IMAGES).captured
    model.end[0].forward = Doubled.apply
    program = capture(Classifier(model), IMAGES)
    assert (program.captured, program.output.taken_off) == (False, False)
    assert "is not the derivative of its forward pass" in program.reason


@pytest.mark.parametrize("end", [nn.Softmax(1), nn.Sigmoid()])
def test_a_model_that_runs_as_it_is_keeps_its_end_with_a_word(end):
    model = Confident(nn.Sequential(end)).eval()
    model.body[1].weight.data /= 300
    plain = model.end

    class Own(nn.Module):
        def forward(self, logits):
            return plain(Doubled.apply(logits))

    model.end = Own()
    program = capture(Classifier(model), IMAGES)
    assert not program.captured and (program.output.kind, program.output.taken_off) == (
        "probabilities",
        False,
    )
    assert "is not taken off because the model runs as it is" in program.output.doubt
    with pytest.raises(ValueError, match="`output_kind` must be 'probabilities', for"):
        capture(Classifier(model), IMAGES, asked=Asked("scores"))
    assert capture(Classifier(model), IMAGES, Needs.GRAPH).output.taken_off
