"""The mean square of gradients over noisy copies."""

import torch

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.noise.draws import draws


def test_mean_of_the_squares_and_its_standard_error():
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    found = pyxai.explain(model, images, "smoothgrad_squared", 1, samples=5, seed=2)
    for row, copies in enumerate(draws(images, torch.arange(2), 5, 0.15, seed=2)):
        squares = torch.stack([oracle.gradient(model, copy, 1) for copy in copies]).square()
        assert oracle.relative_l1(found.attribution[row], squares.mean(0)) <= 1e-11
        assert oracle.relative_l1(found.standard_error[row], squares.std(0) / 5**0.5) <= 1e-9
    assert found.residual is None and (found.attribution >= 0).all()
