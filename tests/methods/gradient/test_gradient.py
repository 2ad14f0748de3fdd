"""One-gradient methods against plain autograd."""

import pytest
import torch

import pyxai
from tests import unfriendly
from tests.methods import oracle


@pytest.mark.parametrize(
    "name", ["FunctionalReLU", "InplaceOps", "ReusedModules", "Gate", "OverlappingPools"]
)
def test_gradient_saliency_and_product_equal_plain_autograd(name):
    model, images = unfriendly.build(name), unfriendly.images(4)
    target = [0, 3, 1, 1]
    plain = torch.stack([oracle.gradient(model, image, t) for image, t in zip(images, target, strict=True)])
    found = {
        method: pyxai.explain(model, images, method, target)
        for method in ("gradient", "input_x_gradient", "saliency")
    }
    assert oracle.relative_l1(found["gradient"].attribution, plain) <= 1e-13
    assert oracle.relative_l1(found["input_x_gradient"].attribution, images * plain) <= 1e-13
    assert oracle.relative_l1(found["saliency"].attribution, plain.abs().amax(1, keepdim=True)) <= 1e-13
    assert all(
        result.residual is None and result.evaluations.tolist() == [1] * 4 for result in found.values()
    )
