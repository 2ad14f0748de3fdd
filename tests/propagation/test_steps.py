"""What single steps compute: shares of addends, choices, casts, and sums of messages."""

import pytest
import torch

from pyxai.propagation import steps
from pyxai.propagation.walk import Step
from tests.graphs import Written, pixels, tape

aten = torch.ops.aten


def test_one_hot_marks_the_rows_that_have_a_class():
    found = steps.one_hot(torch.zeros(3, 4, dtype=torch.float32), torch.tensor([2, 0]))
    assert found.dtype == torch.float32
    assert found.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0]]


def test_finite_takes_infinities_for_zero():
    found = steps.finite(torch.tensor([1.0, torch.inf, -torch.inf, -2.0]))
    assert found.tolist() == [1, 0, 0, -2]


@pytest.mark.parametrize(
    "target, arguments, settings",
    [
        (aten.add.Tensor, (), {}),
        (aten.add.Tensor, (), {"alpha": 3}),
        (aten.sub.Tensor, (), {}),
        (aten.sub.Tensor, (), {"alpha": 0.5}),
        (aten.rsub.Scalar, (2.0,), {}),
        (aten.rsub.Scalar, (2.0, 3), {}),
    ],
)
def test_the_weighted_addends_are_the_sum(target, arguments, settings):
    net = Written(pixels(2, 3))
    other = arguments or (net.call(aten.flip.default, net.images, [0]),)
    node = net.call(target, net.images, *other, **settings)
    weights = steps.addend_weights(node)
    values = [getattr(addend, "meta", {"val": addend})["val"] for addend, _ in weights]
    total = sum(weight * value for value, (_, weight) in zip(values, weights, strict=True))
    torch.testing.assert_close(total.expand(2, 3), node.meta["val"])


def test_parts_go_to_their_sources_in_their_shapes():
    net = Written(pixels(2, 3))
    small = net.call(aten.select.int, net.images, 0, 0)
    constant = net.tensor(pixels(2, 3))
    node = net.call(aten.add.Tensor, net.images, small)
    step, written = Step(node, (net.images, small)), tape(net.module(node))
    part = pixels(2, 3, seed=2)
    parts = [(small, part), (net.images, part), (constant, part), (1.0, part), (net.images, 2 * part)]
    large, row = steps.to_sources(step, parts, written)
    torch.testing.assert_close(large, 3 * part)
    torch.testing.assert_close(row, part.sum(0))


@pytest.mark.parametrize(
    "before, after, plain, masked",
    [
        (torch.float64, torch.float32, True, True),
        (torch.bool, torch.float32, False, True),
        (torch.int64, torch.float32, False, False),
        (torch.float64, torch.int64, False, False),
    ],
)
def test_casts(before, after, plain, masked):
    net = Written(pixels(2, 3).to(before))
    step = Step(net.call(aten._to_copy.default, net.images, dtype=after), (net.images,))
    assert steps.is_cast(step) is plain and steps.is_cast(step, masks=True) is masked
    back = steps.cast_back(step, torch.ones(2, 3))
    assert back.dtype == (before if before.is_floating_point else torch.float32)


@pytest.mark.parametrize("power, positive", [(2, True), (0.5, True), (0, False), (-1, False)])
def test_powers_that_keep_zero(power, positive):
    net = Written(pixels(2, 3).abs())
    assert steps.is_power(net.call(aten.pow.Tensor_Scalar, net.images, power)) is positive
    assert not steps.is_power(net.call(aten.square.default, net.images))


def test_what_was_selected():
    net = Written(pixels(2, 3))
    condition = net.call(aten.gt.Scalar, net.images, 0.0)
    other = net.tensor(pixels(2, 3, seed=2))
    node = net.call(aten.where.self, condition, net.images, other)
    step, values = Step(node, (net.images,)), pixels(2, 3, seed=3)
    (first, chosen), (second, rest) = steps.selected(step, values, tape(net.module(node)))
    assert (first, second) == (net.images, other)
    assert torch.equal(chosen, values * (pixels(2, 3) > 0)) and torch.equal(chosen + rest, values)


def test_steps_of_complex_numbers():
    net = Written(pixels(2, 3))
    phase = net.tensor(torch.ones(3, dtype=torch.complex128))
    product = net.call(aten.mul.Tensor, net.images, phase)
    real = net.call(aten.real.default, product)
    relu = net.call(aten.relu.default, real)
    found = [steps.is_complex(Step(node, tuple(node.all_input_nodes[:1]))) for node in (product, real, relu)]
    assert found == [True, True, False]


def test_the_guard_of_a_root():
    """sign(x) · relu(|x|) with all its uses; other ReLUs of absolute values may rectify."""
    for other, used, guards in ((False, False, True), (True, False, False), (False, True, False)):
        net = Written(pixels(2, 3))
        relu = net.call(aten.relu.default, net.call(aten.abs.default, net.images))
        source = net.call(aten.neg.default, net.images) if other else net.images
        value = net.call(aten.mul.Tensor, net.call(aten.sign.default, source), relu)
        if used:
            net.call(aten.add.Tensor, value, relu)
        assert steps.is_guard(relu) is guards
    net = Written(pixels(2, 3))
    assert not steps.is_guard(net.call(aten.relu.default, net.images))
