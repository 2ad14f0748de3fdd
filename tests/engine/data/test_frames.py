"""Which frames of a clip are taken, and that they have one size."""

import numpy as np
import pytest

from pyxai.engine.data.frames import evenly, stacked
from pyxai.engine.errors import RowError
from pyxai.engine.status import WRONG_SIZE


@pytest.mark.parametrize("available, wanted", [(1, 1), (7, 7), (10, 3), (300, 16), (17, 16), (16, 1)])
def test_frames_are_the_middles_of_equal_parts(available, wanted):
    found = evenly(available, wanted)
    assert found == [int((part + 0.5) * available / wanted) for part in range(wanted)]
    assert len(set(found)) == wanted and found == sorted(found) and 0 <= found[0] <= found[-1] < available
    assert found != list(range(wanted)) or available - wanted < wanted


def test_all_are_taken_where_there_are_as_many():
    assert evenly(5, 5) == [0, 1, 2, 3, 4]


def test_fewer_are_a_failed_row():
    with pytest.raises(RowError, match="1 frame, fewer than the 2 of --frames") as caught:
        evenly(1, 2)
    assert caught.value.status == WRONG_SIZE


def test_frames_are_stacked_behind_the_channels():
    frames = [np.full((3, 4, 5), number, np.uint8) for number in range(6)]
    found = stacked(frames)
    assert found.shape == (3, 6, 4, 5) and found[0, :, 0, 0].tolist() == list(range(6))
    with pytest.raises(RowError, match="frames of 4x5 and 5x4 pixels in one clip"):
        stacked([*frames, np.zeros((3, 5, 4), np.uint8)])
