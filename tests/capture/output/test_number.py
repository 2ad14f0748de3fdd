"""What a callable target makes of an output, and what can be said against it."""

import functools

import pytest
import torch
from torch import nn

from pyxai.capture.output.number import (
    call_name,
    gradient,
    made,
    made_as_it_is,
    numbers,
    one_number,
    same_gradient,
)

MAPS = torch.rand(2, 3, 4, dtype=torch.float64)


def total(value):
    return value.sum()


def picked(value, row, scale):
    return scale * value[row, 0]


class Weighted(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.ones(3, 4)

    def forward(self, value):
        return (self.weight * value).sum()


def test_one_number_of_an_image():
    torch.testing.assert_close(numbers(total, MAPS), MAPS.sum((1, 2))[:, None])
    for other in (lambda value: value.sum()[None, None], lambda value: value.sum().float()):
        assert one_number(other, MAPS[0]).shape == () and one_number(other, MAPS[0]).dtype == MAPS.dtype
    assert one_number(lambda value: value.flatten().argmin(), MAPS[0]) == MAPS[0].argmin()


def test_a_callable_may_work_in_place():
    def doubled(value):
        value *= 2
        return value.sum()

    before = MAPS.clone()
    torch.testing.assert_close(numbers(doubled, MAPS), 2 * numbers(total, MAPS))
    assert torch.equal(before, MAPS)
    torch.testing.assert_close(gradient(functools.partial(numbers, doubled), MAPS), torch.full_like(MAPS, 2))


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda o: float(o.sum()), TypeError, "return a tensor, as .* must, got float"),
        (lambda o: o[0], ValueError, r"make one number of an image's output \(3, 4\), .* got shape \(4,\)"),
        (lambda o: torch.fft.fft(o)[0, 1], TypeError, "make a real number, as .* must, got torch.complex128"),
        (lambda o: o[9].sum(), ValueError, r"take one image's output \(3, 4\), .* got IndexError: index 9"),
        (
            lambda o: o[:, :, 3].sum(),
            ValueError,
            "take one image's .* got IndexError: too many",
        ),
        (lambda o: {}["a"], ValueError, "take one image's output .* got KeyError: 'a'"),
        (nn.Linear, ValueError, "take one image's output .*linear:Linear must, got TypeError: "),
        (
            lambda o: o.sum() * torch.rand(()),
            ValueError,
            "make the same number of the same output, as",
        ),
    ],
)
def test_what_is_no_number_of_an_image(call, error, message):
    with pytest.raises(error, match=f"^`target` must {message}"):
        made(call, MAPS)


def test_memory_that_ran_out_is_nothing_against_a_callable():
    def large(value):
        raise torch.OutOfMemoryError("no memory")

    with pytest.raises(torch.OutOfMemoryError):
        one_number(large, MAPS[0])


def test_names():
    assert call_name(total).endswith("test_number:total")
    assert call_name(nn.ReLU()).endswith("activation:ReLU")
    bound = functools.partial(functools.partial(picked, scale=MAPS), row=2)
    assert call_name(bound).endswith("test_number:picked(scale=Tensor, row=2)")


def test_what_is_made_is_the_same_again_until_the_callable_changes():
    call = Weighted()
    found = made(call, MAPS)
    assert found.again(call)
    call.weight[0] = -1
    assert not found.again(call)


def test_gradients():
    torch.testing.assert_close(
        gradient(lambda values: (values**2).sum((1, 2))[:, None], MAPS), 2 * MAPS, rtol=0, atol=0
    )
    with pytest.raises(ValueError, match=r"`target` must have a gradient .* got none from"):
        made_as_it_is(lambda value: value.sum().detach(), MAPS, True)
    assert made_as_it_is(lambda value: value.sum().detach(), MAPS, False).note == ""


def test_gradients_that_rounding_parts_are_the_same():
    def linear(weights):
        return lambda values: (values * weights).flatten(1).sum(1, keepdim=True)

    def constant(values):
        return torch.zeros(len(values), 1, dtype=values.dtype)

    weights, one_other = torch.ones_like(MAPS), torch.ones_like(MAPS)
    one_other[1] *= -1
    plain = linear(weights)
    assert same_gradient(plain, linear(weights * (1 + 1e-14)), MAPS)
    assert not same_gradient(plain, linear(weights * (1 + 1e-9)), MAPS)
    assert not same_gradient(plain, linear(one_other), MAPS)
    assert same_gradient(plain, linear(weights * float("nan")), MAPS)
    assert same_gradient(constant, constant, MAPS) and not same_gradient(constant, plain, MAPS)

    def ill(order):  # of numbers that cancel; which is left depends on the order in which they are added
        return lambda values: (values * 1e8).flatten(1)[:, order].cumsum(1)[:, -1:].sin()

    order = torch.arange(MAPS[0].numel())
    assert same_gradient(ill(order), ill(order.flip(0)), MAPS)
