"""Noise: known answers of the generator, the distribution, independence, reproducible bits."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtri

from pyxai.ops import derive_seed, normal_noise, uniform_noise
from pyxai.ops.noise import normal_of, philox
from pyxai.testing import ops, run, sample_inputs

KINDS = {"normal": normal_noise, "uniform": uniform_noise}


def one(kind, sample=0, draw=0, seed=0, size=2**20, dtype=torch.float32):
    """One long row of noise."""
    return KINDS[kind](torch.tensor([sample]), torch.tensor([draw]), seed, (size,), dtype)[0]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known-answer vectors of the generator's authors
        ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            0x299F31D0A4093822,
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, expected):
    assert tuple(int(word) for word in philox([torch.tensor([word]) for word in counter], key)) == expected


def test_known_answer_reaches_the_operator():
    """Seed, id and draw 0, first four elements: the words of the first known answer, as uniforms."""
    words = (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert one("uniform", size=4).tolist() == [(word >> 8 | 1) / 2**24 for word in words]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 3, 4, 1023, 1024, 1025, 70001])
def test_bitwise_equal_to_reference_on_cpu(kind, size, dtype):
    (op,) = (op for op in ops() if op.name == f"{kind}_noise")
    for args in sample_inputs(op, dtype=dtype, rows=3, shape=(size,)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_dtypes_are_casts(kind, dtype):
    assert torch.equal(one(kind, size=1000, dtype=dtype), one(kind, size=1000).to(dtype))


@pytest.mark.parametrize("kind", KINDS)
def test_shape_is_only_a_view(kind):
    ids, draws = torch.tensor([5]), torch.tensor([1])
    assert torch.equal(KINDS[kind](ids, draws, 7, (3, 8, 9)).flatten(1), KINDS[kind](ids, draws, 7, (216,)))


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


def test_normal_distribution():
    z = one("normal", size=2**22).numpy()
    assert stats.kstest(z, "norm").pvalue > 1e-3
    n = len(z)
    assert abs(z.mean()) < 4 / n**0.5
    assert abs(z.var() - 1) < 4 * (2 / n) ** 0.5
    assert abs(stats.skew(z)) < 4 * (6 / n) ** 0.5
    assert abs(stats.kurtosis(z)) < 4 * (24 / n) ** 0.5
    for bound in (3, 4, 4.5):  # tail counts are Poisson
        expected = 2 * n * stats.norm.sf(bound)
        assert abs((np.abs(z) > bound).sum() - expected) < 4 * expected**0.5


def test_uniform_distribution():
    u = one("uniform", size=2**22).numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert u.min() > 0
    assert u.max() < 1


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
    a, b = one("normal", **this), one("normal", **other)
    limit = 4.5 / len(a) ** 0.5
    for x, y in ((a, b), (a.abs(), b.abs()), (a[1:], b[:-1]), (a[1:], a[:-1])):
        assert abs(torch.corrcoef(torch.stack([x, y]))[0, 1]) < limit


def test_seeds():
    assert torch.equal(one("normal", seed=-1, size=9), one("normal", seed=2**64 - 1, size=9))
    assert derive_seed(3, "noise") == derive_seed(3, "noise")
    assert len({derive_seed(s, name) for s in range(20) for name in ("noise", "baseline")}) == 40


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"seed": 2**64}, ValueError, "`seed` must fit in 64 bits, got 18446744073709551616"),
        ({"seed": 1.5}, TypeError, "`seed` must be an int, got float"),
        ({"draws": torch.tensor([-1])}, ValueError, r"`draws` must lie in \[0, 4294967296\), got -1"),
        (
            {"draws": torch.tensor([2**32])},
            ValueError,
            r"`draws` must lie in \[0, 4294967296\), got 4294967296",
        ),
        ({"dtype": torch.int64}, TypeError, "`dtype` must be a floating point type, got torch.int64"),
        ({"shape": (-1,)}, ValueError, r"`shape` must hold sizes >= 0, got \(-1,\)"),
        ({"shape": (2**35,)}, ValueError, r"`shape` must hold at most 2\^34 elements, got \(34359738368,\)"),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_messages(kind, change, error, message):
    args = {
        "ids": torch.tensor([0]),
        "draws": torch.tensor([0]),
        "seed": 0,
        "shape": (4,),
        "dtype": torch.float32,
    }
    with pytest.raises(error, match=f"^{kind}_noise: {message}"):
        KINDS[kind](**(args | change))
