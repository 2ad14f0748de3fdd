"""Streaming moments against those of all rows at once."""

import torch

from pyxai.methods.moments import Moments


def test_rows_that_come_in_parts():
    """Two images with unlike numbers of rows, taken in by fours."""
    rows = torch.randn(11, 3, 4, dtype=torch.float64)
    index = torch.tensor([0] * 4 + [1] * 7)
    moments = Moments(2, rows[:1])
    for block in torch.arange(11).split(4):
        moments.update(rows[block], index[block])
    for image, own in enumerate((rows[:4], rows[4:])):
        torch.testing.assert_close(moments.mean[image], own.mean(0))
        torch.testing.assert_close(moments.variance()[image], own.var(0, correction=0))
        torch.testing.assert_close(moments.standard_error()[image], own.std(0) / len(own) ** 0.5)


def test_a_single_row_has_no_spread_and_half_precision_is_widened():
    moments = Moments(1, torch.zeros(1, 2, dtype=torch.bfloat16))
    moments.update(torch.ones(1, 2, dtype=torch.bfloat16), torch.zeros(1, dtype=torch.int64))
    assert moments.mean.dtype == torch.float32
    assert moments.mean.tolist() == [[1, 1]] and not moments.standard_error().any()
