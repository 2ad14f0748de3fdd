"""Functions in graphs: the same values as torch's own, and gradients that are small tensors."""

import pytest
import torch

from pyxai.capture.calls import channel_affine, deviation, spatial_mean
from tests.graphs import distance, pixels


def test_an_affine_map_for_each_channel():
    values, scale, shift = pixels(2, 3, 4, 4), pixels(3, 1, 1, seed=2), pixels(3, 1, 1, seed=3)
    assert distance(channel_affine(values, scale, shift), values * scale + shift) <= 1e-15


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
