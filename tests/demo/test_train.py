"""The training that made the demonstration's weights."""

import numpy as np
import torch

from pyxai.demo import networks, train


def test_fitting_learns():
    """A few steps on two classes that differ in brightness."""
    torch.manual_seed(0)

    def draw():
        wanted = torch.eye(2)[torch.randint(2, (16,))]
        return torch.rand(16, 3, 8, 8) + wanted[:, :1, None, None], wanted

    network = train.fit(networks.SmallCNN((4, 4), 2, shrink=False), draw, 60)
    images, wanted = draw()
    assert not network.training
    assert (network(images).argmax(1) == wanted.argmax(1)).all()


def test_pixels():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    found = train.pixels(images)
    assert found.shape == (2, 3, 4, 5) and found.is_contiguous()
    assert torch.equal(found[1, 2], torch.from_numpy(images[1, :, :, 2]))
