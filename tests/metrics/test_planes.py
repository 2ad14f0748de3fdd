"""What maps must be, and how their channels are summed."""

import pytest
import torch

from pyxai.metrics.planes import planes


def test_channels_are_summed_with_their_signs():
    maps = torch.randn(2, 3, 4, 5)
    found = planes(maps, (2, 4, 5))
    assert found.dtype == torch.float64 and torch.equal(found, maps.double().sum(1))
    assert torch.equal(planes(found, (2, 4, 5)), found)


def test_volumes():
    assert planes(torch.ones(2, 3, 4, 5, 6), (2, 4, 5, 6)).eq(3).all()


@pytest.mark.parametrize("shape", [(2, 1, 2, 2), (1, 4, 5), (2, 5, 4), (4, 5), (2, 1, 3, 4, 5), (2, 0, 4, 5)])
def test_maps_of_another_size_are_refused(shape):
    with pytest.raises(ValueError, match=r"`maps` must have shape \(2, 4, 5\) or \(2, C, 4, 5\), got \("):
        planes(torch.zeros(shape), (2, 4, 5))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_maps_that_are_not_finite_are_refused(bad):
    maps = torch.zeros(9, 1, 2, 2)
    maps[[1, 8], 0, 1, 0] = bad
    with pytest.raises(ValueError, match=r"^`maps` must be finite, got NaN or infinity in row 1, 8$"):
        planes(maps, (9, 2, 2))


def test_only_the_first_rows_are_named():
    with pytest.raises(ValueError, match=r"in row 0, 1, 2, 3, 4, …$"):
        planes(torch.full((9, 2, 2), float("nan")), (9, 2, 2))


def test_what_is_no_tensor_is_refused():
    with pytest.raises(TypeError, match=r"`maps` must be a torch.Tensor, got list"):
        planes([[1.0]], (1, 1))
