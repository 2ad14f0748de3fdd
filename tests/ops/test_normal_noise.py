"""Normal noise: the inverse distribution function, the distribution, independence, reproducible bits."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtri

from pyxai.ops import derive_seed, normal_noise
from pyxai.ops.normal_noise import normal_of
from tests.ops import noises
from tests.ops.noises import one_row


@pytest.mark.parametrize("size", noises.SIZES)
def test_bitwise_equal_to_reference_on_cpu(size, dtype):
    noises.check_reference(normal_noise, size, dtype)


def test_dtypes_are_casts(dtype):
    noises.check_cast(normal_noise, dtype)


def test_shape_is_only_a_view():
    noises.check_view(normal_noise)


def test_inverse_distribution_function():
    """Against scipy in float64, at random words, at both ends, about the middle and at powers of two."""
    words = torch.cat(
        [
            torch.randint(0, 2**32, (300_000,)),
            torch.arange(100_000),
            torch.arange(2**32 - 100_000, 2**32),
            torch.arange(2**31 - 50_000, 2**31 + 50_000),
            2 ** torch.arange(32),
        ]
    )
    exact = words.double().numpy()
    lower, upper = (exact + 0.5) / 2**32, (2**32 - 0.5 - exact) / 2**32  # each accurate where small
    expected = np.where(lower < 0.5, ndtri(lower), -ndtri(upper))
    z = normal_of(words).double().numpy()
    assert np.abs(z / expected - 1).max() < 5.5e-7
    assert np.abs(z - expected).max() < 2.5e-6
    assert z.min() == -z.max()
    assert 6.33 < z.max() < 6.34


def test_distribution():
    z = one_row(normal_noise, size=2**22).numpy()
    assert stats.kstest(z, "norm").pvalue > 1e-3
    n = len(z)
    assert abs(z.mean()) < 4 / n**0.5
    assert abs(z.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs(stats.skew(z)) < 4 * (6 / n) ** 0.5
    assert abs(stats.kurtosis(z)) < 4 * (24 / n) ** 0.5
    for bound in (3, 4, 4.5):  # tail counts are Poisson
        expected = 2 * n * stats.norm.sf(bound)
        assert abs((np.abs(z) > bound).sum() - expected) < 4 * expected**0.5


@pytest.mark.parametrize(
    ("this", "other"),
    [
        ({"sample": 0}, {"sample": 1}),
        ({"sample": 1}, {"sample": 1 + 2**32}),
        ({"sample": 3}, {"sample": -3}),
        ({"draw": 0}, {"draw": 1}),
        ({"sample": 0, "draw": 1}, {"sample": 1, "draw": 0}),
        ({"seed": 0}, {"seed": 1}),
        ({"seed": 1}, {"seed": 1 + 2**32}),
        ({"seed": derive_seed(0, "a")}, {"seed": derive_seed(0, "b")}),
    ],
)
def test_independence(this, other):
    """Different ids, draws and seeds: uncorrelated, also in absolute value and one element apart."""
    a, b = one_row(normal_noise, **this), one_row(normal_noise, **other)
    limit = 4.5 / len(a) ** 0.5
    for x, y in ((a, b), (a.abs(), b.abs()), (a[1:], b[:-1]), (a[1:], a[:-1])):
        assert abs(torch.corrcoef(torch.stack([x, y]))[0, 1]) < limit


def test_seeds():
    assert torch.equal(one_row(normal_noise, seed=-1, size=9), one_row(normal_noise, seed=2**64 - 1, size=9))
    assert derive_seed(3, "noise") == derive_seed(3, "noise")
    assert len({derive_seed(s, name) for s in range(20) for name in ("noise", "baseline")}) == 40


@pytest.mark.parametrize(("change", "error", "message"), noises.WRONG)
def test_messages(change, error, message):
    noises.check_message(normal_noise, change, error, message)
