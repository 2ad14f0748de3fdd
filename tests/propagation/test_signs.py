"""What is said never to be negative is not, for any image; what may be negative is not said to be."""

import pytest
import torch

from pyxai.capture.calls import result
from pyxai.propagation.signs import lower_bound, nonnegative
from pyxai.propagation.walk import constants
from tests.graphs import Written, pixels

aten = torch.ops.aten


def known(make):
    """Whether ``make`` of a ReLU of the images, and ``make`` of the images, are known not to be negative."""
    found = []
    for rectified in (True, False):
        net = Written(pixels(2, 4, 6, 6))
        source = net.call(aten.relu.default, net.images) if rectified else net.images
        node = make(net, source)
        module = net.module(node)
        found.append(node in nonnegative(module.graph, constants(module)))
        if found[-1]:
            assert bool((node.meta["val"] >= 0).all())
    return tuple(found)


ALWAYS = (True, True)
KEPT = (True, False)
NEVER = (False, False)
ARM = torch.ones(4, 1, 1, dtype=torch.float64)
CASES = {
    "sigmoid": (lambda net, x: net.call(aten.sigmoid.default, x), ALWAYS),
    "softmax": (lambda net, x: net.call(aten.softmax.int, x, 1), ALWAYS),
    "abs": (lambda net, x: net.call(aten.abs.default, x), ALWAYS),
    "clamp at zero": (lambda net, x: net.call(aten.clamp.default, x, 0.0), ALWAYS),
    "clamp by name": (lambda net, x: net.call(aten.clamp.default, x, min=0.5), ALWAYS),
    "clamp below": (lambda net, x: net.call(aten.clamp.default, x, -1.0), KEPT),
    "clamp from above": (lambda net, x: net.call(aten.clamp.default, x, None, 1.0), KEPT),
    "hardtanh": (lambda net, x: net.call(aten.hardtanh.default, x), KEPT),
    "max_pool": (lambda net, x: net.call(aten.max_pool2d.default, x, [2, 2]), KEPT),
    "mean": (lambda net, x: net.call(aten.mean.dim, x, [2, 3]), KEPT),
    "slice at a negative place": (lambda net, x: net.call(aten.slice.Tensor, x, 1, -2), KEPT),
    "squeezed": (lambda net, x: net.call(aten.squeeze.default, net.call(aten.unsqueeze.default, x, 1)), KEPT),
    "turned": (lambda net, x: net.call(aten.t.default, net.call(aten.flatten.using_ints, x, 1)), KEPT),
    "inner softmax": (lambda net, x: net.call(aten._softmax.default, x, 1, False), ALWAYS),
    "pad with zeros": (lambda net, x: net.call(aten.constant_pad_nd.default, x, [1, 1], 0.0), KEPT),
    "pad with a negative number": (
        lambda net, x: net.call(aten.constant_pad_nd.default, x, [1, 1], -1.0), NEVER,
    ),
    "sum": (lambda net, x: net.call(aten.add.Tensor, x, x), KEPT),
    "sum with a number": (lambda net, x: net.call(aten.add.Tensor, x, 0.5), KEPT),
    "sum with a negative number": (lambda net, x: net.call(aten.add.Tensor, x, -0.5), NEVER),
    "scaled sum": (lambda net, x: net.call(aten.add.Tensor, x, x, alpha=-2), NEVER),
    "difference": (lambda net, x: net.call(aten.sub.Tensor, x, x), NEVER),
    "product with the model's own": (lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(ARM)), KEPT),
    "product with a negative": (lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(-ARM)), NEVER),
    "joined": (lambda net, x: net.call(aten.cat.default, [x, net.images], 1), NEVER),
    "joined with itself": (lambda net, x: net.call(aten.cat.default, [x, x], 1), KEPT),
    "bicubic": (lambda net, x: net.call(aten.upsample_bicubic2d.vec, x, [9, 9], False, None), NEVER),
    "largest along an axis": (lambda net, x: net.call(result(aten.max.dim, 0), x, 1), KEPT),
    "smallest along axes": (lambda net, x: net.call(aten.amin.default, x, [2, 3]), KEPT),
    "adaptive pool": (lambda net, x: net.call(result(aten.adaptive_max_pool2d.default, 0), x, [4, 4]), KEPT),
    "complex product": (lambda net, x: net.call(aten.mul.Tensor, x, net.tensor(ARM * 1j)), NEVER),
    "leaky relu": (lambda net, x: net.call(aten.leaky_relu.default, x), NEVER),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_signs(name):
    make, expected = CASES[name]
    assert known(make) == expected


def test_lower_bounds():
    net = Written(pixels(2, 4))
    tensor = net.tensor(torch.zeros(4, dtype=torch.float64))
    for node, bound in (
        (net.call(aten.hardtanh.default, net.images), -1.0),
        (net.call(aten.hardtanh.default, net.images, 0.0, 6.0), 0.0),
        (net.call(aten.clamp_min.default, net.images, 2), 2),
        (net.call(aten.clamp.default, net.images, None, 3.0), None),
        (net.call(aten.relu.default, net.images), None),
    ):
        assert lower_bound(node) == bound
    assert lower_bound(net.call(aten.clamp.Tensor, net.images, tensor)) is None
