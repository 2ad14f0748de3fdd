"""Points on paths: against a plain expression, and in shapes the generic suite does not know."""

import pytest
import torch

from pyxai.ops import path_points
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "path_points")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


def test_formula():
    start, end = torch.randn(2, 3, 4, 5, dtype=torch.float64), torch.randn(2, 3, 4, 5, dtype=torch.float64)
    points = path_points(start, end, torch.tensor([1, 0, 1]), torch.tensor([0.0, 0.25, 1.0]))
    assert torch.equal(points[0], start[1])
    assert torch.equal(points[1], start[0] + 0.25 * (end[0] - start[0]))
    torch.testing.assert_close(points[2], end[1], rtol=1e-14, atol=1e-14)


def test_one_start_for_all():
    start, end = torch.randn(1, 3, 4, 5), torch.randn(2, 3, 4, 5)
    index, alpha = torch.tensor([0, 1, 1]), torch.tensor([0.1, 0.5, 2.0])
    shared = path_points(start, end, index, alpha)
    assert torch.equal(shared, path_points(start.expand(2, -1, -1, -1), end, index, alpha))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_memory_format_is_that_of_end(layout):
    start = torch.randn(1, 3, 4, 5)
    end = torch.randn(2, 3, 4, 5).contiguous(memory_format=layout)
    points = path_points(start, end, torch.tensor([0, 1]), torch.tensor([0.1, 0.5]))
    assert points.is_contiguous(memory_format=layout)


def test_shared_start_gets_the_gradient_of_all_rows():
    start = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    end = torch.randn(3, 4, dtype=torch.float64)
    alpha = torch.tensor([0.25, 0.5, 1.0], dtype=torch.float64)
    path_points(start, end, torch.tensor([2, 0, 1]), alpha).sum().backward()
    assert torch.equal(start.grad, torch.full((1, 4), 1.25, dtype=torch.float64))


def test_second_derivative_is_refused():
    end = torch.randn(1, 2, requires_grad=True)
    points = path_points(torch.zeros(1, 2), end, torch.tensor([0]), torch.tensor([0.5]))
    (gradient,) = torch.autograd.grad(points.square().sum(), end, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"index": torch.tensor([0, 2])}, ValueError, r"`index` must lie in \[0, 2\), got 2"),
        ({"index": torch.tensor([-1, 0])}, ValueError, r"`index` must lie in \[0, 2\), got -1"),
        ({"alpha": torch.zeros(3)}, ValueError, r"`alpha` must have shape \(2,\), got \(3,\)"),
        ({"alpha": torch.zeros(2).long()}, TypeError, "`alpha` must be floating point, got torch.int64"),
        ({"start": torch.zeros(3, 4)}, ValueError, "`start` must hold 1 or 2 images, got 3"),
        ({"start": torch.zeros(2, 5)}, ValueError, r"`start` must have shape \(N, 4\), got \(2, 5\)"),
        (
            {"start": torch.zeros(2, 4).double()},
            TypeError,
            "`start` must be torch.float32 like `end`, got torch",
        ),
        ({"end": torch.tensor(1.0)}, ValueError, r"`end` must have shape \(N, \.\.\.\), got \(\)"),
    ],
)
def test_messages(change, error, message):
    args = {
        "start": torch.zeros(2, 4),
        "end": torch.zeros(2, 4),
        "index": torch.tensor([0, 1]),
        "alpha": torch.zeros(2),
    }
    with pytest.raises(error, match=f"^path_points: {message}"):
        path_points(**(args | change))
