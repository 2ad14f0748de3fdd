"""The helpers that compare an operator with its reference can tell a difference."""

import pytest
import torch

from pyxai import testing


def test_operators_come_by_name():
    names = [op.name for op in testing.ops()]
    assert names == sorted(names) and "path_points" in names


def test_a_difference_beyond_a_few_roundings_is_one():
    expected = torch.rand(5) + 1
    testing.assert_close(expected * (1 + 1e-7), expected)
    with pytest.raises(AssertionError, match="differs by"):
        testing.assert_close(expected * (1 + 1e-5), expected)
    with pytest.raises(AssertionError):
        testing.assert_close(expected[:4], expected)
    with pytest.raises(AssertionError):
        testing.assert_close(torch.tensor([1, 2]), torch.tensor([1, 3]))


def test_clones_keep_strides_with_their_gaps():
    wide = torch.arange(24.0).reshape(2, 3, 4)
    for x in (wide[..., 1], wide[:, :1].expand(2, 3, 4), wide.transpose(0, 2), wide[:, :0], wide[1, 2, 3]):
        (copy, other) = testing.clone((x, 5))
        assert torch.equal(copy, x) and copy.stride() == x.stride() and other == 5
        assert x.numel() == 0 or copy.data_ptr() != x.data_ptr()
    assert testing.span(wide[0, :2, 1]).tolist() == [1, 2, 3, 4, 5]


def test_running_leaves_the_arguments_alone():
    rows = torch.zeros(3)

    def in_place(x):
        x.add_(1)

    for function in (lambda x: x.add_(1), in_place):
        assert torch.equal(testing.run(function, (rows,))[0], torch.ones(3))
    assert torch.equal(rows, torch.zeros(3))


def test_samples_are_the_same_every_time():
    op = testing.ops()[0]
    for one, other in zip(testing.sample_inputs(op), testing.sample_inputs(op), strict=True):
        for first, second in zip(one, other, strict=True):
            assert torch.equal(first, second) if isinstance(first, torch.Tensor) else first == second
