"""Checks and layouts that the operators over rows share."""

import pytest
import torch

from pyxai.ops import _rows

ROWS = torch.zeros(3, 2, 4, 5)


@pytest.mark.parametrize(
    "x, expected",
    [
        (ROWS, torch.contiguous_format),
        (ROWS.contiguous(memory_format=torch.channels_last), torch.channels_last),
        (torch.zeros(3, 1, 4, 5).contiguous(memory_format=torch.channels_last), torch.contiguous_format),
        (ROWS[0], torch.contiguous_format),
    ],
)
def test_memory_format(x, expected):
    assert _rows.memory_format(x) is expected
    made = _rows.new_rows(x, 7, torch.float64)
    assert made.shape == (7, *x.shape[1:]) and made.dtype == torch.float64
    assert _rows.memory_format(made) is expected


def test_sums_are_wider_than_half_precision():
    sums = {dtype: _rows.accumulate_dtype(dtype) for dtype in _rows.FLOATING}
    assert sums.pop(torch.float64) == torch.float64 and set(sums.values()) == {torch.float32}


def test_per_row_multiplies_each_row():
    assert torch.equal((_rows.per_row(torch.arange(3.0), ROWS) + ROWS)[:, 0, 0, 0], torch.arange(3.0))


@pytest.mark.parametrize(
    "check, error, message",
    [
        (lambda: _rows.check_floating("op", "x", 3), TypeError, "op: `x` must be a tensor, got int"),
        (
            lambda: _rows.check_floating("op", "x", torch.tensor(1.0)),
            ValueError,
            "have shape (N, ...), got ()",
        ),
        (lambda: _rows.check_data("op", "x", torch.zeros(1, device="meta")), ValueError, "got a meta tensor"),
        (
            lambda: _rows.check_like("op", "x", ROWS.double(), "y", ROWS),
            TypeError,
            "like `y`, got torch.float64",
        ),
        (lambda: _rows.check_operand("op", "x", ROWS[:2], "y", ROWS), ValueError, "hold 1 or 3 rows, got 2"),
        (
            lambda: _rows.check_row_shape("op", "x", ROWS[..., 0], ROWS),
            ValueError,
            "(N, 2, 4, 5), got (3, 2, 4)",
        ),
        (
            lambda: _rows.check_reals("op", "x", torch.zeros(2, dtype=int), 2, ROWS),
            TypeError,
            "got torch.int64",
        ),
        (lambda: _rows.check_index("op", torch.tensor([0, 3]), 3, ROWS), ValueError, "lie in [0, 3), got 3"),
        (lambda: _rows.check_range("op", "x", torch.tensor([-2, 9]), 3), ValueError, "lie in [0, 3), got -2"),
        (
            lambda: _rows.check_total("op", "x", ROWS.half()),
            TypeError,
            "be float32 or float64, got torch.float16",
        ),
        (lambda: _rows.check_added("op", ROWS.double(), ROWS), TypeError, "be no wider than torch.float32"),
        (
            lambda: _rows.check_detached("op", x=ROWS.clone().requires_grad_(), y=None),
            ValueError,
            "`x` must be detached, got a tensor that requires grad",
        ),
    ],
)
def test_messages(check, error, message):
    with pytest.raises(error) as caught:
        check()
    assert message in str(caught.value)
