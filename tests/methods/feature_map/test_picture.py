"""What becomes of a map of a layer's size: rectified, normalised, enlarged, each for itself."""

import numpy as np
import pytest
import torch
from scipy import ndimage

import pyxai
from pyxai.methods.feature_map.picture import enlarged, normalized
from tests.methods.feature_map.networks import IMAGES, RAW, dense

MAPS = torch.tensor([[[-2.0, 0.0], [1.0, 6.0]], [[3.0, 3.0], [3.0, 3.0]], [[-4.0, -2.0], [-1.0, -3.0]]])


def test_min_max_brings_each_map_to_its_own_range_and_a_constant_one_to_zero():
    found = normalized(MAPS, "min_max")
    assert torch.equal(found[0], torch.tensor([[0.0, 0.25], [0.375, 1.0]]))
    assert torch.equal(found[1], torch.zeros(2, 2)) and torch.allclose(found[2], (MAPS[2] + 4) / 3)


def test_max_divides_by_the_greatest_value_where_that_is_positive():
    found = normalized(MAPS, "max")
    assert torch.allclose(found[0], MAPS[0] / 6) and torch.equal(found[1], torch.ones(2, 2))
    assert torch.equal(found[2], MAPS[2])
    assert torch.equal(normalized(MAPS, "none"), MAPS)


@pytest.mark.parametrize("shape, size", [((3, 4), (12, 16)), ((3, 4), (7, 9)), ((2, 3, 4), (4, 7, 9))])
def test_places_have_their_centres_in_the_middle(shape, size):
    maps = torch.randn(2, *shape, dtype=torch.float64)
    grids = [(np.arange(side) + 0.5) * small / side - 0.5 for small, side in zip(shape, size, strict=True)]
    points = np.stack(np.meshgrid(*grids, indexing="ij"))
    for one, found in zip(maps, enlarged(maps[:, None], size)[:, 0], strict=True):
        expected = ndimage.map_coordinates(one.numpy(), points, order=1, mode="nearest")
        assert np.abs(found.numpy() - expected).max() <= 1e-12


def test_the_choices_are_separate():
    model = dense()
    raw = pyxai.explain(model, IMAGES, "grad_cam", 1, **RAW).attribution
    assert raw.shape == (3, 1, 6, 8) and (raw < 0).any()
    chosen = pyxai.explain(model, IMAGES, "grad_cam", 1, **RAW | {"relu": True}).attribution
    assert torch.equal(chosen, raw.clamp(min=0))
    chosen = pyxai.explain(model, IMAGES, "grad_cam", 1, **RAW | {"normalize": "min_max"}).attribution
    assert torch.equal(chosen[:, 0], normalized(raw[:, 0], "min_max"))
    chosen = pyxai.explain(model, IMAGES, "grad_cam", 1, **RAW | {"upsample": True}).attribution
    assert torch.equal(chosen, enlarged(raw, (12, 16)))


def test_a_map_of_the_layers_size_is_drawn_and_cut():
    found = pyxai.explain(dense(), IMAGES, "grad_cam", upsample=False)
    assert found.heatmap().shape == (3, 6, 8) and found[1:].attribution.shape == (2, 1, 6, 8)
    assert found.plot().size == pyxai.explain(dense(), IMAGES, "grad_cam").plot().size
    assert pyxai.explain(dense(), IMAGES[:0], "grad_cam", upsample=False).attribution.shape == (0, 1, 6, 8)
