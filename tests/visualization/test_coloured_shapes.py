"""Pictures of two coloured shapes have what their classes say."""

import torch

from benchmarks.visualization_attributes import pairs
from tests.visualization import coloured_shapes
from tests.visualization.coloured_shapes import attributes


def test_objects_of_a_pair_share_nothing():
    found = pairs(3)
    assert torch.equal(found[:, 0], torch.arange(9).repeat_interleave(3))
    assert all((one != other).all() for one, other in zip(*map(attributes, found.T), strict=True))


def test_the_pictures_have_what_their_classes_say():
    images, where = coloured_shapes.pictures(pairs(2), seed=5)
    assert images.shape == (18, 3, 48, 48) and not (where[:, 0] & where[:, 1]).any()
    for row, (first, _) in enumerate(pairs(2).tolist()):
        strongest = images[row, :, where[row, 0]].mean(1).argmax()
        assert int(strongest) == first // 3
