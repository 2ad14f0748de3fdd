"""How many rows a call has, and filling a call up."""

import pytest
import torch

from pyxai.capture.rows import FixedRows, channels_last, default_rows, fit_rows


@pytest.mark.parametrize("total", [1, 7, 8, 9, 23])
def test_blocks_cover_every_row_once(total):
    blocks = list(FixedRows(8).blocks(total))
    assert [row for block in blocks for row in range(total)[block]] == list(range(total))
    assert all(block.stop - block.start <= 8 for block in blocks)


def test_a_short_call_is_filled_with_its_last_row():
    rows = torch.arange(6.0).reshape(3, 2)
    filled = FixedRows(5).fill(rows)
    assert torch.equal(filled[:3], rows) and torch.equal(filled[3:], rows[2:].expand(2, 2))
    assert FixedRows(3).fill(rows) is rows and len(FixedRows(5).fill(rows, 4)) == 4


def test_planes_are_stored_channels_last():
    images = torch.rand(2, 3, 4, 4)
    assert channels_last(images).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(channels_last(images), images) and channels_last(images[0]).is_contiguous()


@pytest.mark.parametrize("wanted", [1, 4, 8, 64])
@pytest.mark.parametrize("total", [1, 5, 8, 33, 50, 1000])
def test_fitted_rows_are_near_what_is_wanted_and_pad_no_more(wanted, total):
    rows = fit_rows(wanted, total)
    assert 1 <= rows <= wanted * 1.5

    def padding(size):
        return -total % size

    assert padding(rows) <= padding(min(wanted, total))


def test_default_rows_shrink_with_the_images():
    rows = [default_rows((1, 3, side, side)) for side in (1, 32, 224, 448, 4000)]
    assert rows == sorted(rows, reverse=True) and rows[2] == 8 and rows[-1] == 1 and rows[0] == 64
    assert default_rows((1, 3, 224, 224), "cuda") > rows[2]
