"""Functions in graphs: the same values as torch's own, and gradients that are small tensors."""

import itertools

import pytest
import torch

from pyxai.capture.calls import batch_norm, channel_affine, deviation, instance_norm, result, spatial_mean
from tests.graphs import distance, layouts, pixels


def test_an_affine_map_for_each_channel():
    values, scale, shift = pixels(2, 3, 4, 4), pixels(3, 1, 1, seed=2), pixels(3, 1, 1, seed=3)
    assert distance(channel_affine(values, scale, shift), values * scale + shift) <= 1e-15


def by_arithmetic(values, weight, bias, mean, variance, epsilon):
    columns = [None if part is None else part.reshape(-1, 1, 1) for part in (weight, bias)]
    weight, bias = (
        fallback if part is None else part for part, fallback in zip(columns, (1, 0), strict=True)
    )
    return (values - mean) / (variance + epsilon).sqrt() * weight + bias


def own_moments(values):
    mean = values.mean((2, 3), keepdim=True)
    return mean, (values - mean).square().mean((2, 3), keepdim=True)


def compare(ours, theirs, shape):
    """Values and gradients of two functions, of whatever lies in memory in whatever order."""
    values, signal = pixels(*shape), pixels(*shape, seed=2)
    plain = values.clone().requires_grad_(True)
    expected = theirs(plain)
    (gradient,) = torch.autograd.grad(expected, plain, signal)
    for laid_out, given in itertools.product(*map(layouts, (values, signal))):
        leaf = laid_out.detach().requires_grad_(True)
        found = ours(leaf)
        assert distance(found, expected) <= 1e-13
        assert distance(torch.autograd.grad(found, leaf, given)[0], gradient) <= 1e-12


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("weight, bias", [(pixels(4, seed=3), pixels(4, seed=4)), (None, None)])
def test_norms_and_their_gradients_in_any_layout(count, weight, bias):
    mean, variance, shape = pixels(4, seed=5), pixels(4, seed=6).abs() + 0.5, (count, 4, 3, 5)
    stored = mean.reshape(-1, 1, 1), variance.reshape(-1, 1, 1)
    compare(
        lambda x: batch_norm(x, weight, bias, mean, variance, 1e-3),
        lambda x: by_arithmetic(x, weight, bias, *stored, 1e-3),
        shape,
    )
    compare(
        lambda x: instance_norm(x, weight, bias, 1e-3),
        lambda x: by_arithmetic(x, weight, bias, *own_moments(x), 1e-3),
        shape,
    )


def test_the_root_of_no_variance_has_no_derivative():
    variance = torch.tensor([0.0, 1e-300, 4.0, torch.nan], dtype=torch.float64, requires_grad=True)
    found = deviation(variance)
    assert found.isnan().tolist() == [False, False, False, True]
    assert found[:3].tolist() == variance[:3].sqrt().tolist()
    (derivative,) = torch.autograd.grad(found.sum(), variance)
    assert derivative[:3].tolist() == [0, *(0.5 / variance[1:3].sqrt()).tolist()]


@pytest.mark.parametrize("dims", [[2, 3], [-2, -1], [1]])
@pytest.mark.parametrize("keepdim", [True, False])
def test_a_mean_and_its_gradient(dims, keepdim):
    values = pixels(2, 3, 4, 5).requires_grad_(True)
    found, expected = spatial_mean(values, dims, keepdim), values.mean(dims, keepdim)
    assert distance(found, expected) <= 1e-14
    weights = pixels(*expected.shape, seed=2)
    ours, theirs = (torch.autograd.grad((part * weights).sum(), values)[0] for part in (found, expected))
    assert distance(ours, theirs) <= 1e-14


def test_the_gradient_of_a_mean_is_a_broadcast_view():
    values = pixels(2, 3, 64, 64).requires_grad_(True)
    (gradient,) = torch.autograd.grad(spatial_mean(values, [2, 3], False).sum(), values)
    assert gradient.untyped_storage().nbytes() < values.nbytes / 100


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_sums_of_half_precision_do_not_overflow(half):
    found = spatial_mean(torch.full((1, 1, 64, 64), 300.0, dtype=half), [2, 3], False)
    assert found.dtype == half and abs(float(found) - 300) <= 2


def test_one_result_of_several():
    largest = result(torch.ops.aten.max.dim, 0)
    assert largest is result(torch.ops.aten.max.dim, 0) is not result(torch.ops.aten.max.dim, 1)
    assert largest.overloadpacket is torch.ops.aten.max and largest.__name__ == "max_0"
    values = torch.tensor([[2.0, 5.0, 5.0]], requires_grad=True)
    found = largest(values, 1, keepdim=True)
    assert found.tolist() == [[5.0]] and result(torch.ops.aten.max.dim, 1)(values, 1).tolist() == [1]
    assert torch.autograd.grad(found.sum(), values)[0].tolist() == [[0, 1, 0]]  # amax: [0, 0.5, 0.5]
