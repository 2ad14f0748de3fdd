"""Ranges of maps: values by hand, constant maps, values that are no numbers, long maps."""

import pytest
import torch

from pyxai.ops import normalize_map
from pyxai.testing import ops, run, sample_inputs
from tests.emulation.device import emulation
from tests.emulation.module import MISSING, emulated

MAPS = torch.tensor([[-2.0, 0.0, 1.0, 6.0], [3.0, 3.0, 3.0, 3.0], [-4.0, -2.0, -1.0, -3.0]])


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "normalize_map")
    for args in sample_inputs(op, dtype=dtype, shape=(33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def test_values():
    found = normalize_map(MAPS, False, "min_max")
    assert torch.equal(found[:2], torch.tensor([[0.0, 0.25, 0.375, 1.0], [0.0, 0.0, 0.0, 0.0]]))
    assert torch.allclose(found[2], (MAPS[2] + 4) / 3)
    found = normalize_map(MAPS, False, "max")
    assert torch.allclose(found[0], MAPS[0] / 6) and torch.equal(found[1], torch.ones(4))
    assert torch.equal(found[2], MAPS[2])
    assert torch.equal(normalize_map(MAPS, False, "none"), MAPS)


def test_negative_values_are_zero_before_anything_else():
    for range in ("none", "min_max", "max"):
        expected = normalize_map(MAPS.clamp(min=0), False, range)
        assert torch.equal(normalize_map(MAPS, True, range), expected)


@pytest.mark.parametrize("place", [0, 31, 32, 99])
@pytest.mark.parametrize("relu", [False, True])
def test_what_is_no_number_does_not_become_one(place, relu):
    maps = torch.randn(2, 100, generator=torch.Generator().manual_seed(0))
    maps[1, place] = float("nan")
    for range in ("none", "min_max", "max"):
        found = normalize_map(maps, relu, range)
        assert found[0].isfinite().all() and found[1, place].isnan()
    assert normalize_map(maps, relu, "min_max")[1].isnan().all()


@pytest.mark.parametrize("place", [0, 31, 32, 63, 98])
def test_the_extremes_are_found_wherever_they_are(place):
    maps = torch.zeros(1, 99)
    maps[0, place], maps[0, (place + 7) % 99] = 3.0, -1.0
    expected = torch.full((1, 99), 0.25)
    expected[0, place], expected[0, (place + 7) % 99] = 1.0, 0.0
    assert torch.equal(normalize_map(maps, False, "min_max"), expected)


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", ["most", "least"])
def test_maps_at_the_ends_of_what_numbers_there_are(kind, scale):
    """The distance of the greatest and the least value may be beyond them."""
    size = torch.finfo(kind).max if scale == "most" else torch.finfo(kind).tiny
    parts = torch.tensor(
        [[-1.0, 0.0, 0.5, 1.0], [-1.0, -0.75, -0.5, -1.0], [0.0, 0.25, 1.0, 0.5]], dtype=kind
    )
    expected = torch.tensor([[0.0, 0.5, 0.75, 1.0], [0.0, 0.5, 1.0, 0.0], [0.0, 0.25, 1.0, 0.5]], dtype=kind)
    assert torch.allclose(normalize_map(parts * size, False, "min_max"), expected, rtol=4e-7)
    (op,) = (op for op in ops() if op.name == "normalize_map")
    for args in (
        (parts * size, relu, range) for relu in (False, True) for range in ("none", "min_max", "max")
    ):
        found = run(op.call, args)[0]
        assert found.isfinite().all() and torch.equal(found, run(op.reference, args)[0])
        if not MISSING and emulated().has("normalize_map"):
            with emulation():
                assert torch.equal(run(op.call, args)[0], found)


def test_messages():
    with pytest.raises(ValueError, match=r"^normalize_map: `maps` must have shape \(N, P\), got \(2, 3, 4\)"):
        normalize_map(torch.zeros(2, 3, 4), True, "max")
    with pytest.raises(
        ValueError, match=r"^normalize_map: `range` must be one of none, min_max, max, got 'mean'"
    ):
        normalize_map(torch.zeros(2, 3), True, "mean")
