"""The fused scene against the one that torch differentiates."""

import pytest
import torch

from pyxai import rde
from pyxai.rde.scene import ComposedScene, FusedScene, scene
from tests.rde.toys import ENDS, pictures


@pytest.mark.parametrize("representation", [rde.Pixels(), rde.Wavelets("db3", 2)])
@pytest.mark.parametrize("obfuscation", [rde.Gaussian(), rde.Uniform(), rde.Constant(0.3)])
def test_fused_and_composed_scenes_agree(representation, obfuscation):
    """Rows and gradients of the two implementations, float64."""
    images, ids = pictures(), torch.tensor([4, 5, 6])
    given = representation, obfuscation, images, ids, 9, *ENDS
    fused, composed = scene(*given), ComposedScene(*given)
    assert isinstance(fused, FusedScene)
    mask = torch.rand(3, fused.size, dtype=torch.float64)
    index, draws = torch.tensor([2, 0, 0, 1]), torch.tensor([0, 0, 1, 7])
    found = []
    for one in (fused, composed):
        rows = one.obfuscated(mask, index, draws)
        total = torch.zeros_like(mask)
        one.pull_(total, torch.linspace(-1, 1, rows.numel()).double().view(rows.shape), rows, index, draws)
        found.append((rows, total))
    (rows, total), (other_rows, other_total) = found
    assert (rows - other_rows).abs().max() <= 1e-12
    assert (total - other_total).abs().max() <= 1e-11 * other_total.abs().max()
