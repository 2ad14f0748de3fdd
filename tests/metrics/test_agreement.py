"""Agreement of maps against numpy."""

import numpy as np
import torch

from pyxai.metrics import pearson


def test_pearson():
    first, second = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4)
    second[1] = -3 * first[1] + 2
    second[2] = 1
    wanted = [np.corrcoef(first[i].flatten(), second[i].flatten())[0, 1] for i in range(2)]
    found = pearson(first, second)
    np.testing.assert_allclose(found[:2], wanted, rtol=1e-6)
    assert found[2].isnan() and found.dtype == torch.float64
