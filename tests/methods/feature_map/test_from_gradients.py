"""Values and gradients are those that a hook on the eager model sees, for all targets from one pass."""

import pytest
import torch

import pyxai
from tests import unfriendly
from tests.methods.feature_map.networks import IMAGES, RAW, dense, inside


@pytest.mark.parametrize("name, layer", [
    ("InplaceAdd", "conv2"), ("InplaceAdd", "bn"), ("InplaceOps", "conv2"), ("Concatenation", "left"),
    ("OddConvolutions", "up"), ("OtherNorms", "conv1"), ("DataDependent", "conv1"),
])  # fmt: skip
def test_values_and_gradients_are_those_a_hook_sees(name, layer):
    model, images = unfriendly.build(name), unfriendly.images(2)
    values, gradient = inside(model, images, 1, layer)
    found = pyxai.explain(model, images, "hires_cam", 1, layer=layer, **RAW).attribution[:, 0]
    expected = (values * gradient).sum(1)
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


def test_targets_share_one_pass():
    run = pyxai.Explainer(dense(), "layer_cam")
    both = run(IMAGES, [[0, 1], [2, 3], [1, 0]])
    assert both.evaluations.tolist() == [1, 1, 1] and both.attribution.shape == (3, 2, 1, 12, 16)
    for column, target in enumerate(([0, 2, 1], [1, 3, 0])):
        assert torch.equal(run(IMAGES, target).attribution, both.attribution[:, column])


def test_calls_of_a_module_are_told_apart():
    model, images = unfriendly.build("ReusedModules"), unfriendly.images(2)
    maps = [
        pyxai.explain(model, images, "hires_cam", 1, layer=f"conv#{call}", **RAW).attribution
        for call in (2, 3)
    ]
    assert not torch.allclose(*maps)
    assert torch.equal(
        maps[0], pyxai.explain(model, images, "hires_cam", 1, layer="conv#2", **RAW).attribution
    )
