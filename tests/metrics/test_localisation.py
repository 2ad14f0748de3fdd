"""Localisation against closed forms and numpy."""

import numpy as np
import pytest
import torch

from pyxai.metrics import energy_inside, pointing_game

FUNCTIONS = pytest.mark.parametrize("measure", [energy_inside, pointing_game])


def masks(*places, shape=(4, 6)):
    """One mask with these places marked."""
    found = torch.zeros(1, *shape, dtype=torch.bool)
    for place in places:
        found[(0, *place)] = True
    return found


def test_energy_of_a_constant_map_is_the_share_of_the_mask():
    found = energy_inside(torch.full((1, 1, 4, 6), 0.1), masks((0, 0), (3, 5), (1, 2)))
    assert found.dtype == torch.float64 and found.tolist() == pytest.approx([3 / 24], rel=1e-12)


def test_energy_counts_positive_sums_of_the_channels():
    maps = torch.zeros(2, 2, 4, 6)
    maps[0, :, 0, 0] = torch.tensor([5.0, -2.0])  # 3 inside
    maps[0, :, 1, 1] = torch.tensor([1.0, 1.0])  # 2 outside
    maps[0, :, 2, 2] = torch.tensor([4.0, -9.0])  # speaks against
    maps[1] = -1
    found = energy_inside(maps, masks((0, 0), (2, 2)).expand(2, -1, -1))
    assert found[0].item() == pytest.approx(3 / 5) and found[1].isnan()


def test_energy_inside_and_outside_is_all_there_is():
    maps, inside = torch.randn(3, 3, 8, 9, dtype=torch.float64), torch.rand(3, 8, 9) > 0.5
    torch.testing.assert_close(
        energy_inside(maps, inside) + energy_inside(maps, ~inside), torch.ones(3, dtype=torch.float64)
    )
    torch.testing.assert_close(energy_inside(7 * maps, inside), energy_inside(maps, inside))


def test_a_hit_and_a_miss():
    maps = torch.zeros(1, 1, 4, 6)
    maps[0, 0, 2, 3] = 1
    assert pointing_game(maps, masks((2, 3))).tolist() == [1.0]
    assert pointing_game(maps, masks((2, 2), (1, 3))).tolist() == [0.0]
    assert pointing_game(-maps, masks((2, 3))).tolist() == [0.0]


def test_places_that_are_as_great_count_by_their_share():
    """Neither the first of them nor any of them decides; a map that is the same everywhere says nothing."""
    maps = torch.zeros(1, 4, 6)
    maps[0, 1, 1] = maps[0, 3, 4] = maps[0, 0, 5] = 2
    assert pointing_game(maps, masks((3, 4), (2, 2))).item() == pytest.approx(1 / 3)
    assert pointing_game(maps.flip(1, 2), masks((3, 4), (2, 2)).flip(1, 2)).item() == pytest.approx(1 / 3)
    assert pointing_game(torch.full((1, 4, 6), 0.1), masks((3, 4))).isnan().all()


@pytest.mark.parametrize("shape", [(9, 13), (5, 4, 6)])
@pytest.mark.parametrize("tolerance", [0, 1, 1.5, 2, 2.3, 5, 40])
def test_tolerance_is_a_distance_between_pixels(shape, tolerance):
    random = np.random.default_rng(0)
    marked = random.random(shape) > 0.97
    marked[tuple(side - 1 for side in shape)] = True
    marks = np.argwhere(marked)
    for _ in range(10):
        peak = random.integers(0, shape)
        maps = torch.zeros(1, *shape)
        maps[(0, *peak)] = 1
        wanted = ((marks - peak) ** 2).sum(1).min() <= tolerance**2
        assert pointing_game(maps, torch.from_numpy(marked)[None], tolerance).item() == wanted


def test_the_tolerance_must_be_a_distance():
    with pytest.raises(ValueError, match="pointing_game: `tolerance` must be a number that is not negative"):
        pointing_game(torch.zeros(1, 4, 6), masks((0, 0)), -1)


@FUNCTIONS
def test_every_image_is_judged_by_itself(measure):
    maps, marked = torch.randn(5, 3, 6, 7), torch.rand(5, 6, 7) > 0.5
    alone = [measure(maps[row : row + 1], marked[row : row + 1]) for row in range(5)]
    torch.testing.assert_close(torch.cat(alone), measure(maps, marked))
    assert measure(maps[:0], marked[:0]).shape == (0,)


@FUNCTIONS
@pytest.mark.parametrize(
    ("maps", "marked", "error", "message"),
    [
        (torch.ones(1, 1, 2, 3), masks((0, 0)), ValueError, "`maps` must have shape"),
        (torch.ones(1, 4, 6).cfloat(), masks((0, 0)), TypeError, "`maps` must have a real dtype"),
        (torch.ones(1, 4, 6) / 0, masks((0, 0)), ValueError, "`maps` must be finite"),
        (torch.ones(1, 4, 6), masks(), ValueError, "`masks` must mark at least one place, got an empty mask"),
        (torch.ones(1, 4, 6), masks((0, 0)).float(), TypeError, "`masks` must be bool, got torch.float32"),
        (torch.ones(1), torch.ones(1).bool(), ValueError, "`masks` must have shape"),
        (torch.ones(1, 4, 6), None, TypeError, "`masks` must be a torch.Tensor, got NoneType"),
    ],
)
def test_what_cannot_be_judged_is_refused(measure, maps, marked, error, message):
    with pytest.raises(error, match=f"^{measure.__name__}: {message}"):
        measure(maps, marked)
