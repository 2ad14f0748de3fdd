"""Logarithm, exponential and root of the operators, against numpy's in more digits."""

import numpy as np
import pytest
import torch

from pyxai.ops import _elementary

ULPS = 4


def units(found, expected):
    """Largest distance in units in the last place."""
    expected = np.asarray(expected)
    return float(np.max(np.abs(found.double().numpy() - expected) / np.spacing(np.abs(found.numpy()))))


@pytest.mark.parametrize("real", [torch.float32, torch.float64])
def test_log_and_exp(real):
    x = torch.logspace(-20, 20, 4001, dtype=real)
    near_one = 1 + torch.linspace(-1e-3, 1e-3, 401, dtype=real)
    for values in (x, near_one[near_one != 1]):
        expected = np.log(values.numpy().astype(np.longdouble))
        assert units(_elementary.log_of(values), expected) <= ULPS
    exponents = torch.linspace(-60, 60, 4001, dtype=real)
    assert units(_elementary.exp_of(exponents), np.exp(exponents.numpy().astype(np.longdouble))) <= ULPS
    assert _elementary.log_of(torch.ones(1, dtype=real)) == 0
    assert _elementary.exp_of(torch.zeros(1, dtype=real)) == 1


def test_the_root_is_the_nearest_number():
    x = torch.rand(100_000, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(_elementary.root_of(x).numpy(), np.sqrt(x.numpy()))
