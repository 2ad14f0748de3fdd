"""Sums in lanes: their values, their order, and the shapes of samples."""

import numpy as np
import pytest
import torch

from pyxai.ops import _lanes


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 100])
def test_sums_are_those_of_numpy(size):
    x = torch.randn(3, size, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert np.allclose(_lanes.sum_in_lanes(x, 1), x.numpy().sum(1), rtol=1e-14, atol=1e-14)


def test_lanes_that_are_eight_apart_are_added_first():
    """In the order of the elements 1e8 + 1 would lose the 1."""
    x = torch.zeros(9)
    x[0], x[1], x[8] = 1e8, 1.0, -1e8
    assert _lanes.sum_in_lanes(x, 0) == 1.0


@pytest.mark.parametrize("shape", [(1,), (0,), (5000,), (33, 67), (3, 0, 5), (2, 3, 4, 5)])
def test_samples_have_about_as_many_values_as_the_shape(shape):
    values, sample = np.prod(shape), np.prod(_lanes.sample_shape(shape))
    assert values <= sample < values + 40
