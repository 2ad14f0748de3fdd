"""Transposes and derivatives of single steps against autograd through the call itself, in float64."""

import pytest
import torch

from pyxai.propagation import vjp
from pyxai.propagation.walk import Step
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
SHAPE = (2, 4, 6, 6)
LINEAR = {
    "reshape": (aten.reshape.default, ([2, -1],)),
    "permute": (aten.permute.default, ([0, 2, 3, 1],)),
    "slice": (aten.slice.Tensor, (2, 1, 5, 2)),
    "flip": (aten.flip.default, ([3],)),
    "expand": (aten.repeat.default, ([1, 2, 1, 1],)),
    "unfold": (aten.unfold.default, (2, 3, 1)),
    "pad": (aten.reflection_pad2d.default, ([1, 2, 0, 1],)),
    "mean": (aten.mean.dim, ([1, 3], True)),
    "pool": (aten.avg_pool2d.default, ([3, 3], [2, 2], [1, 1])),
    "bilinear": (aten.upsample_bilinear2d.vec, ([9, 4], False, None)),
}


def stepped(target, *arguments, shape=SHAPE):
    """One step of the images, and its tape."""
    net = Written(pixels(*shape))
    node = net.call(target, net.images, *arguments)
    return Step(node, (net.images,)), tape(net.module(node))


def by_autograd(target, arguments, at, cotangent):
    leaf = at.clone().requires_grad_(True)
    return torch.autograd.grad(target(leaf, *arguments), leaf, cotangent)[0]


@pytest.mark.parametrize("name", LINEAR)
def test_the_transpose_is_that_of_autograd_and_reads_no_values(name):
    target, arguments = LINEAR[name]
    step, written = stepped(target, *arguments)
    images = written.values.pop(step.sources[0])
    cotangent = pixels(*step.node.meta["val"].shape, seed=2)
    (found,) = vjp.transpose(step, cotangent, written)
    assert distance(found, by_autograd(target, arguments, images, cotangent)) <= 1e-14


@pytest.mark.parametrize("target", [aten.tanh.default, aten.square.default, aten.gelu.default])
def test_the_derivative_at_the_values_or_elsewhere(target):
    step, written = stepped(target)
    cotangent, other = pixels(*SHAPE, seed=2), pixels(*SHAPE, seed=3)
    (here,) = vjp.derivative(step, cotangent, written)
    (there,) = vjp.derivative(step, cotangent, written, at=lambda node: other.clone())
    assert distance(here, by_autograd(target, (), pixels(*SHAPE), cotangent)) <= 1e-14
    assert distance(there, by_autograd(target, (), other, cotangent)) <= 1e-14
    assert not written[step.sources[0]].requires_grad


def test_a_source_that_is_used_twice_gets_both_parts():
    net = Written(pixels(*SHAPE))
    node = net.call(aten.mul.Tensor, net.images, net.images)
    step, cotangent = Step(node, (net.images,)), pixels(*SHAPE, seed=2)
    (found,) = vjp.derivative(step, cotangent, tape(net.module(node)))
    assert distance(found, 2 * pixels(*SHAPE) * cotangent) <= 1e-14


def test_constants_are_pulled_back_to_where_they_are_asked_for():
    net = Written(pixels(*SHAPE))
    constant = net.tensor(pixels(2, 1, 6, 6, seed=4))
    node = net.call(aten.cat.default, [net.images, constant], 1)
    step, cotangent = Step(node, (net.images,)), pixels(2, 5, 6, 6, seed=2)
    found = vjp.transpose(step, cotangent, tape(net.module(node)), [constant, net.images])
    assert [part.shape[1] for part in found] == [1, 4]
    assert torch.equal(torch.cat([found[1], found[0]], 1), cotangent)


def test_a_comparison_has_no_derivative():
    step, written = stepped(aten.gt.Scalar, 0.0)
    (found,) = vjp.derivative(step, pixels(*SHAPE, seed=2), written)
    assert torch.equal(found, torch.zeros(SHAPE, dtype=torch.float64))


@pytest.mark.parametrize(
    "target, arguments",
    [(aten.fft_rfft2.default, ()), (aten.mul.Tensor, (1j,)), (aten.view_as_complex.default, ())],
)
def test_the_derivative_between_real_and_complex_numbers(target, arguments):
    shape = (2, 4, 6, 2) if target is aten.view_as_complex.default else SHAPE
    step, written = stepped(target, *arguments, shape=shape)
    shape = step.node.meta["val"].shape
    cotangent = torch.complex(pixels(*shape, seed=2), pixels(*shape, seed=3))
    (found,) = vjp.derivative(step, cotangent, written)
    assert found.dtype == torch.float64
    assert distance(found, by_autograd(target, arguments, written[step.sources[0]], cotangent)) <= 1e-14


def test_a_blank_is_laid_out_as_the_value_was():
    net = Written(pixels(*SHAPE).contiguous(memory_format=torch.channels_last))
    constant = net.tensor(pixels(3, 5))
    written = tape(net.module(net.call(aten.relu.default, net.images)))
    found = vjp.blank(written, net.images, torch.zeros(1))
    assert found.shape == SHAPE and found.dtype == torch.float32
    assert found.is_contiguous(memory_format=torch.channels_last)
    assert vjp.blank(written, constant, torch.zeros(1)).shape == (3, 5)
