"""Weighted sums of rows: order, layouts, and what the generic suite does not know."""

import pytest
import torch

from pyxai.ops import path_accumulate_
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "path_accumulate_")
    for args in sample_inputs(op, dtype=dtype, rows=40, shape=(3, 33, 35)):
        for actual, expected in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.equal(actual, expected)


def test_order_is_that_of_the_rows():
    """Float addition is not associative: 1e8 + 1 - 1e8 is 0 in float32, 1e8 - 1e8 + 1 is 1."""
    for values, expected in (([1e8, 1.0, -1e8], 0.0), ([1e8, -1e8, 1.0], 1.0)):
        total = torch.zeros(1, 5)
        rows = torch.tensor(values)[:, None].expand(3, 5)
        path_accumulate_(total, rows, torch.zeros(3, dtype=torch.int64), torch.ones(3))
        assert torch.equal(total, torch.full((1, 5), expected))


def test_images_without_rows_stay():
    total = torch.randn(3, 4)
    before = total.clone()
    path_accumulate_(total, torch.ones(2, 4), torch.tensor([1, 1]), torch.tensor([0.5, 2.0]))
    assert torch.equal(total[[0, 2]], before[[0, 2]])
    assert torch.equal(total[1], before[1] + 0.5 + 2.0)


def test_sums_of_half_rows_are_float32():
    rows = torch.full((4096, 2), 1.0, dtype=torch.bfloat16)
    total = torch.zeros(1, 2)
    path_accumulate_(total, rows, torch.zeros(4096, dtype=torch.int64), torch.ones(4096))
    assert torch.equal(total, torch.full((1, 2), 4096.0))  # a bfloat16 sum would stop at 256


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"total": torch.zeros(2, 4).half()},
            TypeError,
            "`total` must be float32 or float64, got torch.float16",
        ),
        (
            {"rows": torch.zeros(2, 4).double()},
            TypeError,
            "`rows` must be no wider than torch.float32, got torch",
        ),
        ({"rows": torch.zeros(2, 5)}, ValueError, r"`rows` must have shape \(N, 4\), got \(2, 5\)"),
        (
            {"rows": torch.zeros(2, 4, requires_grad=True)},
            ValueError,
            "`rows` must be detached, got a tensor",
        ),
        ({"index": torch.tensor([0])}, ValueError, r"`index` must have shape \(2,\), got \(1,\)"),
        ({"index": torch.tensor([0, 7])}, ValueError, r"`index` must lie in \[0, 2\), got 7"),
        ({"weight": torch.ones(2, 1)}, ValueError, r"`weight` must have shape \(2,\), got \(2, 1\)"),
    ],
)
def test_messages(change, error, message):
    args = {
        "total": torch.zeros(2, 4),
        "rows": torch.zeros(2, 4),
        "index": torch.tensor([0, 1]),
        "weight": torch.ones(2),
    }
    with pytest.raises(error, match=f"^path_accumulate_: {message}"):
        path_accumulate_(**(args | change))
