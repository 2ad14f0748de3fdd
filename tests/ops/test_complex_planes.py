"""Values beyond the border of a plane, against numpy's pad."""

import numpy as np
import pytest
import torch

from pyxai.ops import _complex_planes

MODES = {"reflect": "reflect", "replicate": "edge", "zero": "constant"}


@pytest.mark.parametrize("border", MODES)
def test_pad(border):
    planes = torch.arange(40.0).reshape(2, 4, 5)
    expected = np.pad(planes.numpy(), ((0, 0), (2, 2), (2, 2)), MODES[border])
    assert np.array_equal(_complex_planes.pad(planes, 2, border).numpy(), expected)


def test_where_too_few_can_be_mirrored_the_last_one_stays():
    padded = _complex_planes.pad(torch.tensor([[[1.0, 2.0]]]), 3, "reflect")
    assert padded.shape == (1, 7, 8) and padded[0, 3].tolist() == [1, 1, 2, 1, 2, 1, 1, 1]


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 3), (2, 3, 4, 2, 1)])
def test_planes_of_pairs_only(shape):
    with pytest.raises(ValueError, match=r"op: `field` must have shape \(N, H, W, 2\), got"):
        _complex_planes.check_complex("op", "field", torch.zeros(shape))
