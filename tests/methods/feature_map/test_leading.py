"""The leading projection against a singular value decomposition; its sign; constant maps."""

import numpy as np
import pytest
import torch

from pyxai.methods.feature_map.leading import leading_projection


def oracle(values):
    """Projection of the places on the first right singular vector, in the direction of the channels' sum."""
    matrix = values.reshape(len(values), -1).T.astype(np.float64)
    matrix = matrix - matrix.mean(0)
    _, _, vectors = np.linalg.svd(matrix, full_matrices=False)
    projection = matrix @ vectors[0]
    return (projection * np.sign(projection @ matrix.sum(1))).reshape(values.shape[1:])


@pytest.mark.parametrize("shape", [(20, 3, 4), (5, 6, 7), (12, 3, 4), (7, 2, 3, 4)])
@pytest.mark.parametrize("kind, tolerance", [(torch.float64, 1e-10), (torch.float32, 1e-5)])
def test_it_is_the_first_singular_vector(shape, kind, tolerance):
    generator = torch.Generator().manual_seed(3)
    values = torch.randn(4, *shape, generator=generator, dtype=torch.float64)
    pattern = torch.randn(4, 1, *shape[1:], generator=generator, dtype=torch.float64)
    values = (
        values + 3 * pattern * torch.rand(4, shape[0], *[1] * (len(shape) - 1), generator=generator)
    ).to(kind)
    found = leading_projection(values)
    for one, value in zip(found, values, strict=True):
        expected = oracle(value.numpy())
        assert np.abs(one.numpy() - expected).max() <= tolerance * np.abs(expected).max()


def test_the_sign_does_not_depend_on_the_values_sign_of_the_vector():
    values = torch.randn(2, 6, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = leading_projection(values)
    assert torch.allclose(leading_projection(values.flip(1)), found)  # another basis, the same sum
    assert torch.allclose(leading_projection(-values), -found)
    common = (values.sum(1) - values.sum(1).mean((1, 2), keepdim=True)) * found
    assert (common.sum((1, 2)) > 0).all()


def test_channels_that_cancel_leave_the_largest_value_positive():
    half = torch.tensor([[0.0, 1.0], [2.0, -5.0]], dtype=torch.float64)
    found = leading_projection(torch.stack([half, -half])[None])[0]
    assert found.abs().max() == found.max() > 0 and torch.allclose(
        found.abs(), (half - half.mean()).abs() * 2**0.5
    )


@pytest.mark.parametrize("channels", [2, 50])
@pytest.mark.parametrize("constant", [1.0, 0.1, -7.3])
def test_constant_maps_are_zero_without_nan(channels, constant):
    values = torch.full((2, channels, 3, 4), constant)
    values[1] = 0
    assert torch.equal(leading_projection(values), torch.zeros(2, 3, 4))


@pytest.mark.parametrize("channels", [5, 40])
@pytest.mark.parametrize("largest", [1e-37, 1e-22, 1e19, 1e30, 3e37])
def test_values_of_any_size(channels, largest):
    """Squares overflow or vanish in float32 from far smaller ones on."""
    generator = torch.Generator().manual_seed(4)
    pattern = torch.rand(2, 1, 4, 6, generator=generator)
    values = (pattern * torch.rand(2, channels, 1, 1, generator=generator)).mul(largest)
    found = leading_projection(values).double() / largest
    for one, value in zip(found, values.double() / largest, strict=True):
        expected = oracle(value.numpy())
        assert np.abs(one.numpy() - expected).max() <= 1e-5 * np.abs(expected).max()


def test_values_that_are_no_numbers_stay_none():
    values = torch.rand(3, 5, 3, 4)
    values[0, 1, 2, 3], values[1, 1, 2, 3] = float("nan"), float("inf")
    found = leading_projection(values)
    assert found[:2].isnan().all() and found[2].isfinite().all()
