"""Running moments against numpy's, also where a naive sum of squares fails."""

import numpy as np
import pytest
import torch

from pyxai.ops import update_moments_
from pyxai.testing import ops, run, sample_inputs


def start(images, *shape, dtype=torch.float64):
    return (
        torch.zeros(images, *shape, dtype=dtype),
        torch.zeros(images, *shape, dtype=dtype),
        torch.zeros(images, dtype=torch.int64),
    )


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "update_moments_")
    for args in sample_inputs(op, dtype=dtype, rows=40, shape=(3, 33, 35)):
        for actual, expected in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.equal(actual, expected)


@pytest.mark.parametrize(("offset", "tolerance"), [(0.0, 1e-14), (1e6, 1e-9)])
def test_mean_and_variance(offset, tolerance):
    """1e6 away from zero, a sum of squares would lose 12 of float64's 16 digits."""
    rows = torch.randn(60, 3, 4, dtype=torch.float64) + offset
    index = torch.arange(60) % 2
    mean, m2, count = start(2, 3, 4)
    for part in range(0, 60, 7):
        update_moments_(mean, m2, count, rows[part : part + 7], index[part : part + 7])
    assert count.tolist() == [30, 30]
    for image in range(2):
        values = rows[index == image].numpy()
        np.testing.assert_allclose(mean[image].numpy(), values.mean(0), rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose((m2[image] / 29).numpy(), values.var(0, ddof=1), rtol=tolerance)


def test_equal_rows_have_no_variance():
    mean, m2, count = start(1, 5, dtype=torch.float32)
    rows = torch.full((9, 5), 0.1)
    update_moments_(mean, m2, count, rows, torch.zeros(9, dtype=torch.int64))
    assert torch.equal(mean, rows[:1])
    assert torch.equal(m2, torch.zeros(1, 5))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (
            {"mean": torch.zeros(2, 4).half()},
            TypeError,
            "`mean` must be float32 or float64, got torch.float16",
        ),
        ({"m2": torch.zeros(2, 4).double()}, TypeError, "`m2` must be torch.float32 like `mean`, got torch"),
        ({"m2": torch.zeros(1, 4)}, ValueError, r"`m2` must have shape \(2, 4\), got \(1, 4\)"),
        ({"count": torch.zeros(2)}, TypeError, "`count` must be int64, got torch.float32"),
        ({"count": torch.zeros(3).long()}, ValueError, r"`count` must have shape \(2,\), got \(3,\)"),
        ({"index": torch.tensor([0, 2])}, ValueError, r"`index` must lie in \[0, 2\), got 2"),
    ],
)
def test_messages(change, error, message):
    args = {
        "mean": torch.zeros(2, 4),
        "m2": torch.zeros(2, 4),
        "count": torch.zeros(2, dtype=torch.int64),
        "rows": torch.zeros(2, 4),
        "index": torch.tensor([0, 1]),
    }
    with pytest.raises(error, match=f"^update_moments_: {message}"):
        update_moments_(**(args | change))
