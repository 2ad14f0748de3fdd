"""Uniform noise: known answers of the generator, the distribution, reproducible bits."""

import pytest
import torch
from scipy import stats

from pyxai.ops import uniform_noise
from pyxai.ops._noise import philox
from tests.ops import noises
from tests.ops.noises import one_row


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
    assert one_row(uniform_noise, size=4).tolist() == [(word >> 8 | 1) / 2**24 for word in words]


@pytest.mark.parametrize("size", noises.SIZES)
def test_bitwise_equal_to_reference_on_cpu(size, dtype):
    noises.check_reference(uniform_noise, size, dtype)


def test_dtypes_are_casts(dtype):
    noises.check_cast(uniform_noise, dtype)


def test_shape_is_only_a_view():
    noises.check_view(uniform_noise)


def test_distribution():
    u = one_row(uniform_noise, size=2**22).numpy()
    assert stats.kstest(u, "uniform").pvalue > 1e-3
    assert u.min() > 0
    assert u.max() < 1


@pytest.mark.parametrize(("change", "error", "message"), noises.WRONG)
def test_messages(change, error, message):
    noises.check_message(uniform_noise, change, error, message)
