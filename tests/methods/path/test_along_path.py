"""Whatever is integrated along a line: baselines are averaged, sums are there where they are told."""

import torch

import pyxai
from pyxai.methods.method import REGISTRY
from pyxai.methods.path.along_path import AlongPath
from pyxai.methods.path.line import Path
from tests import unfriendly


class Positions(Path):
    """The position on the line, pixel by pixel."""

    def __init__(self, executor, images, target):
        super().__init__(executor, images, target)
        self.images = images

    def integrand(self, index, position):
        return [position.reshape(-1, 1, 1, 1).expand_as(self.images[index])] * self.target.count

    def maps(self, means, chosen):
        return means * self.images[chosen]


class Half(AlongPath):
    """Half of the image: the mean position times it."""

    told: bool = True

    def path(self, executor, images, start, target):
        return Positions(executor, images, target)

    def ends(self, executor, images, start, logits):
        logits, end = super().ends(executor, images, start, logits)
        return logits, end if self.told else None


def explained(**options):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(3)
    Half.name = "test_half"
    REGISTRY["test_half"] = Half
    try:
        return model, images, pyxai.explain(model, images, "test_half", [[0, 2]] * 3, **options)
    finally:
        del REGISTRY["test_half"]


def test_the_integrand_and_the_maps_are_those_of_the_path():
    for options, spent in (({"steps": 4}, 4), ({}, 33), ({"rule": "gauss_legendre", "steps": 2}, 2)):
        _, images, found = explained(**options)
        assert torch.allclose(found.attribution, (images / 2)[:, None].expand(3, 2, 3, 16, 16), rtol=1e-12)
        assert found.evaluations.tolist() == [spent] * 3


def test_several_baselines_count_by_their_mean():
    model, images, found = explained(steps=2, baseline=torch.stack([unfriendly.images(3)] * 2, 1) * 0.5)
    assert torch.allclose(found.attribution[:, 0], images / 2) and found.evaluations.tolist() == [4] * 3
    wanted = (images / 2).sum((1, 2, 3)) - (model(images) - model(images * 0.5))[:, 2]
    assert torch.allclose(found.delta[:, 1], wanted, rtol=1e-9)


def test_without_ends_there_is_no_sum():
    assert explained(steps=2, told=False)[2].delta is None
