"""The networks know the coloured shapes, and pictures of attributions show those of the class."""

import pytest
import torch

from benchmarks.visualization_attributes import pairs, shares, study
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


@pytest.mark.slow
def test_the_networks_know_them():
    labels = torch.arange(180) % 9
    images, _ = coloured_shapes.pictures(labels[:, None], seed=21)
    assert (coloured_shapes.names_the_class()(images).argmax(1) == labels).double().mean() > 0.95
    for found, wanted in zip(coloured_shapes.read(images), attributes(labels), strict=True):
        assert (found == wanted).double().mean() > 0.95


@pytest.mark.slow
def test_the_colour_of_the_class_is_read_from_pictures_of_its_attributions():
    about = study(1)
    colour, _, both = shares(about, "attributions, pyramid", steps=128, seed=0)
    assert colour >= 0.66 and both >= 0.33  # chance: a third and a ninth
