"""Which rule of LRP each step of a graph takes, and which composites do not fit a graph."""

import pytest
import torch

from pyxai.capture.calls import channel_affine, result
from pyxai.propagation import Composite, Epsilon, Flat, Pass, WSquare, ZBox, ZPlus
from pyxai.propagation.lrp import operations
from pyxai.propagation.lrp.relevances import CURE, Linear, Relevances
from pyxai.propagation.walk import Walk
from tests.graphs import Written, pixels

aten = torch.ops.aten
PLAIN = Composite(ZPlus(), Epsilon())
BOX = Composite(ZPlus(), Epsilon(), first=ZBox(low=-9.0, high=9.0))
N = 7


def named(node, name):
    """``node`` as a call of the module ``name``."""
    node.meta["nn_module_stack"] = {name: (f"model.{name}", None)}
    return node


def walked(make, composite=PLAIN):
    """The rules of the steps that ``make`` writes, in their order, and the LRP of the graph."""
    net = Written(pixels(N, 3, 6, 6))
    node = make(net, net.images)
    module = net.module(node)
    relevances = Relevances(module, composite)
    walk = Walk(module, relevances)
    ordered = [walk.rules[step] for step in walk.steps.values() if step in walk.rules]
    return ordered, relevances, walk


def layers(net, x):
    """Pixels scaled and shifted, a convolution, a ReLU, and a head on a mean."""
    x = net.call(aten.sub.Tensor, net.call(aten.mul.Tensor, x, 2.0), 1.0)
    x = named(net.call(aten.conv2d.default, x, net.tensor(pixels(4, 3, 3, 3))), "conv")
    x = net.call(aten.mean.dim, named(net.call(aten.relu.default, x), "act"), [2, 3])
    return named(net.call(aten.linear.default, x, net.tensor(pixels(5, 4))), "head")


def test_layers_take_the_rules_of_the_composite():
    composite = Composite(ZPlus(), Epsilon(), average=WSquare())
    rules, _, _ = walked(layers, composite)
    scale, shift, conv, relu, mean, head = rules
    assert isinstance(scale, operations.Scale) and isinstance(shift, operations.Sum)
    assert [rule.rule for rule in (conv, mean, head)] == [ZPlus(), WSquare(), Epsilon()]
    assert isinstance(relu, operations.Through)
    assert conv.layer.lead is not None and not conv.layer.nonnegative
    assert mean.layer.nonnegative and mean.layer.lead is None


def test_places_and_names_go_before_kinds():
    composite = Composite(ZPlus(), Epsilon(), first=Flat(), last=WSquare())
    rules, _, _ = walked(layers, composite)
    scale, shift, conv, _, _, head = rules
    assert isinstance(scale, operations.Through) and isinstance(shift, operations.Through)
    assert (conv.rule, head.rule) == (Flat(), WSquare())
    rules, _, _ = walked(layers, composite.at("conv", Epsilon(epsilon=0.1)).at("head", ZPlus()))
    assert (rules[2].rule, rules[5].rule) == (Epsilon(epsilon=0.1), ZPlus())


def test_the_first_layer_sees_the_bounds_of_the_pixels():
    rules, relevances, walk = walked(layers, BOX)
    relevances.check(walk.rules)
    low = rules[2].layer.lead((0.0, 0.5, 1.0), "low")
    assert low.shape == (1, 3, 6, 6) and low[0, :, 0, 0].tolist() == [-1, 0, 1]


def test_a_convolution_of_both_uses_of_the_image_is_no_first_layer():
    def twice(net, x):
        x = net.call(aten.mul.Tensor, x, net.call(aten.flip.default, x, [3]))
        return net.call(
            aten.mean.dim, net.call(aten.conv2d.default, x, net.tensor(pixels(4, 3, 3, 3))), [2, 3]
        )

    _, relevances, walk = walked(twice, BOX)
    with pytest.raises(ValueError, match="`first` must fit a layer, but no convolution"):
        relevances.check(walk.rules)


STEPS = {
    "cat": (lambda net, x: net.call(aten.cat.default, [x, x], 1), operations.Joined),
    "rearrangement": (lambda net, x: net.call(aten.flip.default, x, [1]), operations.Rearrangement),
    "scale": (lambda net, x: net.call(aten.div.Tensor, x, 2.0), operations.Scale),
    "product": (lambda net, x: net.call(aten.mul.Tensor, x, x), operations.Product),
    "matrix product": (lambda net, x: net.call(aten.matmul.default, x, x), operations.Product),
    "quotient": (
        lambda net, x: net.call(aten.div.Tensor, x, net.call(aten.exp.default, x)), operations.Quotient,
    ),
    "power": (lambda net, x: net.call(aten.pow.Tensor_Scalar, x, 2), operations.Through),
    "cast": (lambda net, x: net.call(aten._to_copy.default, x, dtype=torch.float32), operations.Cast),
    "pool": (lambda net, x: net.call(aten.max_pool2d.default, x, [2, 2]), operations.MaxPool),
    "softmax": (lambda net, x: net.call(aten.softmax.int, x, 1), operations.Derivative),
    "log_softmax": (lambda net, x: net.call(aten.log_softmax.int, x, 1), operations.Derivative),
    "maximum": (lambda net, x: net.call(aten.amax.default, x, [1]), operations.Derivative),
    "max": (lambda net, x: net.call(result(aten.max.dim, 0), x, 1), operations.Derivative),
    "min": (lambda net, x: net.call(result(aten.min.dim, 0), x, 1), operations.Derivative),
    "adaptive pool": (
        lambda net, x: net.call(result(aten.adaptive_max_pool2d.default, 0), x, [4, 4]), operations.MaxPool,
    ),
    "logsumexp": (lambda net, x: net.call(aten.logsumexp.default, x, [1]), operations.LogSumExp),
    "norm": (lambda net, x: net.call(aten.layer_norm.default, x, [6]), operations.FrozenNorm),
    "affine": (
        lambda net, x: net.call(channel_affine, x, *(net.tensor(pixels(3, 1, 1)) for _ in range(2))), Linear,
    ),
    "one by the image": (lambda net, x: net.call(aten.div.Tensor, net.tensor(pixels(3, 1, 1)), x), None),
    "cosine": (lambda net, x: net.call(aten.cos.default, x), None),
    "sort": (lambda net, x: net.call(result(aten.sort.default, 0), x, 1), None),
    "spectrum": (lambda net, x: net.call(aten.abs.default, net.call(aten.fft_fft2.default, x)), None),
    "complex product": (lambda net, x: net.call(aten.real.default, net.call(aten.mul.Tensor, x, 1j)), None),
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
def test_each_operation_has_its_rule_or_is_named(name):
    make, kind = STEPS[name]
    if kind is None:
        with pytest.raises(ValueError, match="no rule for the operation") as caught:
            walked(make)
        assert CURE in str(caught.value)
    else:
        assert type(walked(make)[0][-1]) is kind


def test_what_has_no_rule_may_be_passed_by_its_name():
    rules, _, _ = walked(
        lambda net, x: named(net.call(aten.cos.default, x), "wave"), PLAIN.at("wave", Pass())
    )
    assert isinstance(rules[-1], operations.Through)

    def spectrum(net, x):
        return named(net.call(aten.abs.default, named(net.call(aten.fft_fft2.default, x), "wave")), "wave")

    rules, _, _ = walked(spectrum, PLAIN.at("wave", Pass()))
    assert [type(rule) for rule in rules] == [operations.Through] * 2


def test_sums_by_the_composite():
    def added(net, x):
        return net.call(aten.add.Tensor, x, net.call(aten.relu.default, x))

    positive = Composite(ZPlus(), Epsilon(), sums="positive")
    assert isinstance(walked(added, positive)[0][-1], operations.PositiveSum)
    assert walked(added, Composite(ZPlus(), Epsilon(), stabiliser=0.5))[0][-1] == operations.Sum(0.5)


@pytest.mark.parametrize(
    "pattern, rule, message",
    [
        ("cnov", Flat(), r"`composite` must name modules .* got 'cnov' \(did you mean 'conv'\?\)"),
        ("zzz", Flat(), r"`composite` must name modules .* got 'zzz'$"),
        ("act", ZPlus(), r"the rule for `act`, which has no linear layer, must be `Pass`"),
    ],
)
def test_names_that_fit_no_layer_are_refused(pattern, rule, message):
    _, relevances, walk = walked(layers, PLAIN.at(pattern, rule))
    with pytest.raises(ValueError, match=message):
        relevances.check(walk.rules)
