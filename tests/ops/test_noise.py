"""The counter-based generator below the noises."""

import pytest
import torch

from pyxai.ops import _noise


def words(count, ids=(7,), draw=3, seed=11):
    ids = torch.tensor(ids)
    return _noise.noise_of(
        lambda words: words, ids, torch.full_like(ids, draw), seed, [count], torch.float64
    ).long()


def test_a_longer_row_begins_with_a_shorter_one():
    long = words(1025)
    for count in (1, 3, 4, 5, 1024):
        assert torch.equal(words(count), long[:, :count])


def test_seed_id_draw_and_element_all_count():
    rows = [
        words(64),
        words(64, ids=(8,)),
        words(64, draw=4),
        words(64, seed=12),
        words(64, ids=(7 + 2**40,)),
    ]
    flat = torch.cat(rows).flatten().tolist()
    assert len(set(flat)) >= len(flat) - 1  # of 320 words of 32 bits two may be equal by chance
    assert torch.equal(words(8, ids=(5, 7))[1], words(8)[0])


def test_words_have_32_bits_that_are_set_half_the_time():
    many = words(100_000)
    assert int(many.min()) >= 0 and int(many.max()) < 2**32
    for bit in range(32):
        assert abs(float((many >> bit & 1).double().mean()) - 0.5) < 0.01


def test_streams_of_one_seed_differ_and_stay():
    first = _noise.derive_seed(0, "baseline")
    assert first == _noise.derive_seed(0, "baseline") != _noise.derive_seed(0, "position")
    assert first != _noise.derive_seed(1, "baseline") and -(2**63) <= first < 2**63


def test_seeds_are_64_bits():
    assert _noise.signed_seed("op", 2**64 - 1) == -1 and _noise.signed_seed("op", -(2**63)) == -(2**63)
    for seed, error in ((2**64, ValueError), (-(2**63) - 1, ValueError), (True, TypeError), (0.0, TypeError)):
        with pytest.raises(error, match="op: `seed` must"):
            _noise.signed_seed("op", seed)
