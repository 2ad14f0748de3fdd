"""The rule of each operation by its definition, and what comes in equals what goes on and what is kept."""

import pytest
import torch
import torch.nn.functional as F

from pyxai.capture.calls import result
from pyxai.propagation.lrp import operations
from pyxai.propagation.lrp.relevance import Relevance, relevance
from pyxai.propagation.per_image import image_sums
from pyxai.propagation.walk import Step
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
N = 7  # images: a prime that divides no other size
SHAPE = (N, 4, 6, 6)
X, OTHER = pixels(*SHAPE), pixels(4, 6, 6, seed=2)
ROWS = OTHER.expand(SHAPE)


class Case:
    """A rule and the step that it is for; ``make`` gives the step's node."""

    def __init__(self, rule, make):
        self.rule = rule
        self.net = Written(X)
        node = make(self.net, self.net.images)
        graph = self.net.module(node)
        varying = [source for source in node.all_input_nodes if source.op != "get_attr"]
        self.step, self.tape = Step(node, tuple(varying)), tape(graph)
        arguments, settings = self.tape.arguments(node)
        self.tape.values[node] = rule.forward(self.step, arguments, settings, self.tape)
        self.value = self.tape[node]
        self.amounts = pixels(*self.value.shape, seed=9)

    def back(self, own=False):
        """Relevance of every source, for relevance or (``own``) a multiplier of the step's value."""
        form = self.step.node if own else None
        factor = self.amounts / self.value if own else self.amounts
        routes, reads = self.rule.plan(self.step, form)
        values = dict(self.tape.values)
        for node in list(self.tape.values):  # nothing but what the plan says is read
            if node not in reads and node not in self.step.constants:
                del self.tape.values[node]
        parts = self.rule.backward(self.step, Relevance(factor, form), self.tape)
        self.tape.values = values
        assert [part.of for part in parts] == [form for _, form in routes]
        return {source: relevance(part, self.tape) for (source, _), part in zip(routes, parts, strict=True)}


def flipped(net, x):
    return net.call(aten.flip.default, x, [1])


RULES = {
    "rearrangement": (operations.Rearrangement(), lambda net, x: net.call(aten.flip.default, x, [3])),
    "repeated": (operations.Rearrangement(), lambda net, x: net.call(aten.repeat.default, x, [1, 2, 1, 1])),
    "stacked with a constant": (
        operations.Rearrangement(),
        lambda net, x: net.call(aten.stack.default, [x, net.tensor(ROWS)], 1),
    ),
    "joined": (operations.Joined(), lambda net, x: net.call(aten.cat.default, [x, flipped(net, x), x], 1)),
    "joined with a constant": (
        operations.Joined(), lambda net, x: net.call(aten.cat.default, [x, net.tensor(ROWS)], 1),
    ),
    "cast": (operations.Cast(), lambda net, x: net.call(aten._to_copy.default, x, dtype=torch.float64)),
    "sum": (
        operations.Sum(stabiliser=0.0), lambda net, x: net.call(aten.sub.Tensor, x, flipped(net, x), alpha=2),
    ),
    "sum with a constant": (
        operations.Sum(stabiliser=0.0), lambda net, x: net.call(aten.add.Tensor, x, net.tensor(OTHER)),
    ),
    "sum with a number": (
        operations.Sum(stabiliser=0.0), lambda net, x: net.call(aten.rsub.Scalar, x, 0.7, 2),
    ),
    "derivative of softmax": (operations.Derivative(), lambda net, x: net.call(aten.softmax.int, x, 1)),
    "derivative of amax": (operations.Derivative(), lambda net, x: net.call(aten.amax.default, x, [2, 3])),
    "scale": (operations.Scale(), lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(OTHER))),
    "quotient by a constant": (operations.Scale(), lambda net, x: net.call(aten.div.Tensor, x, 3.0)),
    "product": (operations.Product(), lambda net, x: net.call(aten.mul.Tensor, x, flipped(net, x))),
    "square": (operations.Product(), lambda net, x: net.call(aten.mul.Tensor, x, x)),
    "matrices": (operations.Product(), lambda net, x: net.call(aten.matmul.default, x, flipped(net, x))),
    "quotient": (operations.Quotient(), lambda net, x: net.call(aten.div.Tensor, x, flipped(net, x))),
    "through": (operations.Through(), lambda net, x: net.call(aten.tanh.default, x)),
    "through a colour": (
        operations.Through(),
        lambda net, x: net.call(
            aten.add.Tensor, net.call(aten.slice.Tensor, x, 1, 0, 1), net.tensor(OTHER),
        ),
    ),
    "selection": (
        operations.Selection(),
        lambda net, x: net.call(
            aten.where.self, net.tensor(OTHER > 0), x, flipped(net, x),
        ),
    ),
    "max pool": (operations.MaxPool(), lambda net, x: net.call(aten.max_pool2d.default, x, [3, 3], [2, 2])),
    "max pool of volumes": (
        operations.MaxPool(),
        lambda net, x: net.call(aten.max_pool3d.default, net.call(aten.unsqueeze.default, x, 1), [2, 3, 3]),
    ),
    "adaptive max pool": (
        operations.MaxPool(), lambda net, x: net.call(result(aten.adaptive_max_pool2d.default, 0), x, [4, 5]),
    ),
    "logsumexp": (operations.LogSumExp(), lambda net, x: net.call(aten.logsumexp.default, x, [1, 3])),
    "derivative of min": (operations.Derivative(), lambda net, x: net.call(result(aten.min.dim, 0), x, 1)),
    "layer norm": (
        operations.FrozenNorm(),
        lambda net, x: net.call(aten.layer_norm.default, x, [6], *map(net.tensor, OTHER[0, :2])),
    ),
    "group norm": (operations.FrozenNorm(), lambda net, x: net.call(aten.group_norm.default, x, 2)),
}  # fmt: skip


@pytest.mark.parametrize("own", [False, True], ids=["relevance", "multiplier"])
@pytest.mark.parametrize("name", RULES)
def test_what_arrives_goes_on_or_is_kept(name, own):
    case = Case(*RULES[name])
    arrived = image_sums(case.step.node, case.amounts)
    parts = case.back(own)
    passed = sum(image_sums(source, part) for source, part in parts.items())
    kept = case.tape.shares.get(case.step, torch.zeros(N, dtype=torch.float64))
    assert (arrived - passed - kept).abs().max() <= 1e-9 * case.amounts.abs().sum()
    for source, part in parts.items():
        assert part.shape == case.tape[source].shape


def test_a_sum_gives_each_addend_its_share():
    case = Case(*RULES["sum"])
    images, flip = X, X.flip(1)
    found = case.back()
    shares = case.amounts / (images - 2 * flip)
    assert distance(found[case.net.images], images * shares) <= 1e-12
    assert distance(list(found.values())[1], -2 * flip * shares) <= 1e-12


def test_the_stabiliser_takes_what_it_is_said_to_take():
    case = Case(operations.Sum(stabiliser=0.5), RULES["sum"][1])
    passed = sum(image_sums(source, part) for source, part in case.back().items())
    (lost,) = case.rule.losses(case.step, Relevance(case.amounts, None), case.tape).values()
    assert (
        distance(image_sums(case.step.node, case.amounts) - passed, image_sums(case.step.node, lost)) <= 1e-9
    )


def test_a_positive_sum_leaves_negative_addends_and_constants_out():
    case = Case(operations.PositiveSum(), RULES["sum"][1])
    first, second = X.clamp(min=0), (-2 * X.flip(1)).clamp(min=0)
    quotients = torch.where(first + second > 0, case.amounts / (first + second).clamp(min=1e-300), 0.0)
    found = list(case.back().values())
    assert distance(found[0], quotients * first) <= 1e-12
    assert distance(found[1], quotients * second) <= 1e-12
    (lost,) = case.rule.losses(case.step, Relevance(case.amounts, None), case.tape).values()
    assert torch.equal(lost, case.amounts * (first + second == 0))


LARGER = {  # a sum with a constant, or another part of the image, that makes it larger than the value
    "colour": lambda net, x: net.call(
        aten.add.Tensor, net.call(aten.slice.Tensor, x, 1, 0, 1), net.tensor(OTHER)
    ),
    "mean": lambda net, x: net.call(
        aten.sub.Tensor, net.tensor(OTHER), net.call(aten.mean.dim, x, [2, 3], True)
    ),
    "number": lambda net, x: net.call(aten.add.Tensor, x, 100.0),
    "row and column": lambda net, x: net.call(
        aten.add.Tensor,
        net.call(aten.mean.dim, x, [2], True),
        net.call(aten.mean.dim, x, [3], True),
        alpha=-3,
    ),
}


@pytest.mark.parametrize("own", [False, True], ids=["relevance", "multiplier"])
@pytest.mark.parametrize("name", LARGER)
def test_a_positive_sum_that_is_larger_than_its_addends(name, own):
    """z⁺ without biases: shares of the positive addends of each value, whatever the constant is."""
    case = Case(operations.PositiveSum(), LARGER[name])
    case.amounts = case.amounts.abs() if not own else case.amounts.abs() * case.value.sign()
    signs = {"colour": (1,), "mean": (-1,), "number": (1,), "row and column": (1, -3)}[name]
    terms = [
        (sign * case.tape[source]).clamp(min=0).expand(case.value.shape)
        for sign, source in zip(signs, case.step.sources, strict=True)
    ]
    total, amounts = sum(terms), case.amounts
    (lost,) = case.rule.losses(case.step, Relevance(amounts, None), case.tape).values()
    assert torch.equal(lost, amounts * (total == 0))
    found = case.back(own)
    for source, term in zip(case.step.sources, terms, strict=True):
        share = torch.where(total > 0, term / total.clamp(min=1e-300), 0.0)
        assert distance(found[source], (amounts * share).sum_to_size(case.tape[source].shape)) <= 1e-12


def test_logsumexp_shares_by_the_terms_of_its_sum():
    """As exponentials that pass relevance on, their sum by its ε-rule with ε = 0, and a logarithm."""
    case = Case(*RULES["logsumexp"])
    expected = X.exp() / X.exp().sum((1, 3), keepdim=True) * case.amounts[:, None, :, None]
    assert distance(case.back()[case.net.images], expected) <= 1e-12


@pytest.mark.parametrize(
    "gate, arguments",
    [
        (aten.sigmoid.default, ()),
        (aten.hardsigmoid.default, ()),
        (aten.tanh.default, ()),
        (aten.softmax.int, (1,)),
        (aten._softmax.default, (1, False)),
    ],
)
def test_the_signal_of_a_product_with_a_gate_takes_all(gate, arguments):
    def gated(net, x):
        return net.call(aten.mul.Tensor, x, flipped(net, net.call(gate, x, *arguments)))

    whole = Case(operations.Product("signal"), gated)
    assert distance(whole.back()[whole.net.images], whole.amounts * (whole.value != 0)) <= 1e-12
    halves = Case(operations.Product("equal"), gated)
    for part in halves.back().values():
        assert distance(part, halves.amounts * (halves.value != 0) / 2) <= 1e-12


def test_a_factor_that_is_one_by_a_value_takes_nothing():
    def quotient(net, x):
        return net.call(aten.mul.Tensor, net.call(aten.reciprocal.default, x), flipped(net, x))

    case = Case(operations.Product(), quotient)
    (part,) = case.back().values()
    assert distance(part, case.amounts) <= 1e-12


def test_a_winner_of_several_windows_gets_them_all():
    case = Case(*RULES["max pool"])
    leaf = X.clone().requires_grad_(True)
    (expected,) = torch.autograd.grad(F.max_pool2d(leaf, 3, 2), leaf, case.amounts)
    assert distance(case.back()[case.net.images], expected) <= 1e-15


def test_a_norm_passes_relevance_as_if_its_deviation_were_fixed():
    case = Case(*RULES["layer norm"])
    leaf = X.clone().requires_grad_(True)
    deviation = (X.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt()
    value = (leaf - leaf.mean(-1, keepdim=True)) / deviation * OTHER[0, 0] + OTHER[0, 1]
    (gradient,) = torch.autograd.grad(value, leaf, case.amounts / value.detach())
    assert distance(case.back()[case.net.images], X * gradient) <= 1e-10
