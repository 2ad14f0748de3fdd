"""The axis of the images wherever it lies: moved, folded with others, in runs."""

import pytest
import torch

from pyxai.propagation.per_image import each_image, image_axis, image_sums
from tests.graphs import Written, pixels, tape

aten = torch.ops.aten
N = 7  # a prime that divides no other size


def permuted(net):
    return net.call(aten.permute.default, net.images, [1, 0, 2, 3])


def transposed(net):
    return net.call(aten.transpose.int, net.images, 0, 2)


def folded(net):
    return net.call(aten.flatten.using_ints, net.images, 0, 1)


def folded_behind(net):
    """(channels, images · rows, columns)"""
    return net.call(aten.flatten.using_ints, permuted(net), 1, 2)


def folded_before(net):
    """(channels · images, …)"""
    return net.call(aten.flatten.using_ints, permuted(net), 0, 1)


def relu_of_folded(net):
    return net.call(aten.relu.default, folded_behind(net))


PLACES = {  # axis of the images, places that one takes in a row
    "first": (lambda net: net.call(aten.relu.default, net.images), (0, 1)),
    "permuted": (permuted, (1, 1)),
    "transposed": (transposed, (2, 1)),
    "folded": (folded, (0, 3)),
    "folded behind others": (folded_behind, (1, 4)),
    "folded before others": (folded_before, (0, 1)),
    "a call of folded values": (relu_of_folded, (1, 4)),
}


def written(make):
    net = Written(pixels(N, 3, 4, 5))
    node = make(net)
    return net, node, tape(net.module(node))


@pytest.mark.parametrize("name", PLACES)
def test_the_axis_and_the_run(name):
    make, place = PLACES[name]
    _, node, _ = written(make)
    assert image_axis(node) == place


@pytest.mark.parametrize("name", PLACES)
def test_the_sum_of_each_image_is_that_of_its_own_pixels(name):
    net, node, _ = written(PLACES[name][0])
    images = net.images.meta["val"]
    expected = (images.relu() if "relu" in node.name else images).sum((1, 2, 3))
    found = image_sums(node, node.meta["val"])
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", PLACES)
def test_what_is_of_one_image_is_laid_out_for_all(name):
    """Values of one image, spread over all, are the node's value where all images are alike."""
    make, _ = PLACES[name]
    one = Written(pixels(1, 3, 4, 5))
    value = make(one).meta["val"]
    net = Written(one.images.meta["val"].expand(N, -1, -1, -1))
    node = make(net)
    found = each_image(node, value, tape(net.module(node)))
    assert torch.equal(found.expand_as(node.meta["val"]), node.meta["val"])


def test_images_along_two_axes_are_refused():
    net = Written(pixels(N, 3, 4, 5))
    flat = net.call(aten.flatten.using_ints, net.images, 1)
    square = net.call(aten.matmul.default, flat, net.call(aten.t.default, flat))
    with pytest.raises(ValueError, match="images must lie along one axis, but `matmul` in `` gives"):
        image_axis(square)
