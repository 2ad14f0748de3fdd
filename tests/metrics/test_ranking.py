"""Limits against counting."""

import itertools

import pytest
import torch

from pyxai.metrics.ranking import limits


def test_distinct_values_go_one_by_one():
    relevance = torch.tensor([[3.0, -1.0, 2.0, 5.0], [0.0, 4.0, 1.0, 2.0]])
    found = limits(relevance, range(5))
    assert ((relevance[:, None] > found[..., None]).sum(2) == torch.arange(5)).all()


@pytest.mark.parametrize("seed", range(5))
def test_no_more_go_than_may_and_equal_values_stay_together(seed):
    """As many go as can: with the next group of equal values there would be too many."""
    relevance = torch.randint(0, 4, (3, 12), generator=torch.Generator().manual_seed(seed)).double()
    found = limits(relevance, range(13))
    for row, count in itertools.product(range(3), range(13)):
        gone = [int((relevance[row] > level).sum()) for level in (*relevance[row].unique(), -1)]
        assert (relevance[row] > found[row, count]).sum() == max(number for number in gone if number <= count)


def test_the_order_in_memory_decides_nothing():
    relevance = torch.randint(0, 3, (1, 20), generator=torch.Generator().manual_seed(0))
    assert torch.equal(limits(relevance.flip(1).float(), [3, 9]), limits(relevance.float(), [3, 9]))
