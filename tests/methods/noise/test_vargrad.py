"""The variance of gradients over noisy copies."""

import torch

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.noise.draws import draws


def test_variance_of_the_gradients_and_its_standard_error():
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    found = pyxai.explain(model, images, "vargrad", 1, samples=5, seed=2)
    for row, copies in enumerate(draws(images, torch.arange(2), 5, 0.15, seed=2)):
        variance = torch.stack([oracle.gradient(model, copy, 1) for copy in copies]).var(0, correction=0)
        assert oracle.relative_l1(found.attribution[row], variance) <= 1e-11
        assert oracle.relative_l1(found.standard_error[row], variance * (2 / 4) ** 0.5) <= 1e-11
    assert found.residual is None
