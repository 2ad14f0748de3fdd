"""Every linear step as a layer: forward with its own weights is the call, and its transpose autograd's."""

import pytest
import torch

from pyxai.capture import vocabulary
from pyxai.capture.calls import channel_affine, spatial_mean
from pyxai.propagation.linear import KINDS, is_linear, kind, linear_layer
from pyxai.propagation.walk import Step, constants
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
N = 11  # images: a prime that divides no other size

# images, weights and biases, settings behind them
WEIGHTED = {
    "conv2d": (aten.conv2d.default, (N, 4, 9, 9), [(6, 4, 3, 3), (6,)], ([2, 2], [1, 1])),
    "conv2d of few channels": (aten.conv2d.default, (N, 3, 9, 9), [(6, 3, 3, 3)], ()),
    "conv2d in groups": (
        aten.conv2d.default,
        (N, 4, 9, 9),
        [(6, 2, 3, 3), (6,)],
        ([1, 1], [0, 0], [2, 2], 2),
    ),
    "conv2d by words": (aten.conv2d.padding, (N, 4, 9, 9), [(6, 4, 3, 3), (6,)], ([1, 1], "same")),
    "conv1d": (aten.conv1d.default, (N, 4, 9), [(6, 4, 3), (6,)], ([2], [1])),
    "conv1d by words": (aten.conv1d.padding, (N, 4, 9), [(6, 4, 3), (6,)], ([1], "same")),
    "conv3d": (aten.conv3d.default, (N, 2, 5, 5, 5), [(3, 2, 3, 3, 3), (3,)], ()),
    "conv_transpose1d": (aten.conv_transpose1d.default, (N, 4, 7), [(4, 5, 3), (5,)], ([2],)),
    "conv_transpose2d": (aten.conv_transpose2d.input, (N, 4, 5, 5), [(4, 5, 3, 3), (5,)], ([2, 2], [1, 1])),
    "conv_transpose3d": (aten.conv_transpose3d.input, (N, 2, 3, 3, 3), [(2, 3, 2, 2, 2), (3,)], ()),
    "linear": (aten.linear.default, (N, 3, 4), [(5, 4), (5,)], ()),
    "linear without a bias": (aten.linear.default, (N, 4), [(5, 4)], ()),
    "matmul": (aten.matmul.default, (N, 3, 4), [(4, 5)], ()),
    "mm": (aten.mm.default, (N, 4), [(4, 5)], ()),
    "bmm": (aten.bmm.default, (N, 3, 4), [(N, 4, 5)], ()),
    "affine": (channel_affine, (N, 3, 4, 4), [(3, 1, 1), (3, 1, 1)], ()),
}
FIXED = {
    "spatial_mean": (spatial_mean, ([2, 3], False)),
    "spatial_mean that keeps its axes": (spatial_mean, ([-1], True)),
    "mean": (aten.mean.dim, ([1], True)),
    "sum": (aten.sum.dim_IntList, ([2],)),
    "avg_pool2d": (aten.avg_pool2d.default, ([3, 3], [2, 2], [1, 1])),
    "adaptive_avg_pool2d": (aten.adaptive_avg_pool2d.default, ([3, 4],)),
    "nearest": (aten.upsample_nearest2d.vec, ([5, 5], None)),
    "bilinear": (aten.upsample_bilinear2d.vec, ([5, 5], False, None)),
    "bicubic": (aten.upsample_bicubic2d.vec, ([5, 5], False, None)),
}


def weighted(name):
    target, shape, weights, settings = WEIGHTED[name]
    net = Written(pixels(*shape))
    own = [net.tensor(pixels(*size, seed=seed)) for seed, size in enumerate(weights, 2)]
    bias = () if len(own) == 2 or not settings else (None,)
    return net, net.call(target, net.images, *own, *bias, *settings)


def fixed(name):
    target, arguments = FIXED[name]
    net = Written(pixels(N, 3, 8, 8))
    return net, net.call(target, net.images, *arguments)


@pytest.mark.parametrize("name", [*WEIGHTED, *FIXED])
def test_forward_and_transpose(name):
    net, node = (weighted if name in WEIGHTED else fixed)(name)
    module, step = net.module(node), Step(node, (net.images,))
    assert is_linear(step, constants(module)) and kind(step) == KINDS[node.target]
    layer, written = linear_layer(step, constants(module)), tape(module)
    images, value = net.images.meta["val"], node.meta["val"]
    assert distance(layer.forward(images, layer.weight, layer.bias), value) <= 1e-14
    other, sums = pixels(*layer.weight.shape, seed=9), pixels(*value.shape, seed=8)
    for weight in (layer.weight, other):
        leaf = images.clone().requires_grad_(True)
        (expected,) = torch.autograd.grad(layer.forward(leaf, weight), leaf, sums)
        assert distance(layer.transpose(sums, weight, written), expected) <= 1e-12
    if layer.bias is not None:
        without = layer.forward(images, layer.weight)
        assert distance(without + layer.bias_terms(torch.ones_like(value), layer.bias), value) <= 1e-12
        shares = (sums * (value - without)).flatten(1).sum(1)
        assert distance(layer.share(sums, layer.bias), shares) <= 1e-12


def test_every_kind_of_layer_has_its_name():
    assert KINDS.keys() == (
        vocabulary.CONVOLUTIONS | vocabulary.DENSE | vocabulary.AFFINE | vocabulary.AVERAGES
    )
    net = Written(pixels(2, 4))
    node = net.call(aten.linear.default, net.images, net.tensor(pixels(5, 4)))
    assert kind(Step(node, (net.images,))) == "dense"
    node.meta["kind"] = "convolution"  # one of a single pixel, see the passes
    assert kind(Step(node, (net.images,))) == "convolution"


def test_the_weight_may_come_first():
    net = Written(pixels(4, 3))
    node = net.call(aten.mm.default, net.tensor(pixels(5, 4, seed=2)), net.images)
    module, step = net.module(node), Step(node, (net.images,))
    layer = linear_layer(step, constants(module))
    sums = pixels(5, 3, seed=3)
    assert torch.equal(layer.weight, pixels(5, 4, seed=2))
    assert distance(layer.transpose(sums, layer.weight, tape(module)), layer.weight.T @ sums) <= 1e-14


def test_what_is_no_layer():
    """An activation, a product of the images with themselves, a weight that their number changes."""
    net = Written(pixels(2, 3, 3))
    parameter = net.tensor(pixels(3, 3))
    count = net.call(aten.sym_size.int, net.images, 0)
    relu = net.call(aten.relu.default, net.images)
    square = net.call(aten.matmul.default, net.images, net.images)
    counted = net.call(aten.linear.default, net.images, net.call(aten.mul.Tensor, parameter, count))
    plain = net.call(aten.linear.default, net.images, parameter)
    known = constants(net.module(plain))
    found = [is_linear(Step(node, (net.images,)), known) for node in (relu, square, counted, plain)]
    assert found == [False, False, False, True]


def test_a_convolution_splits_equally_among_the_pixels_it_sees():
    net, node = weighted("conv2d")
    module = net.module(node)
    layer = linear_layer(Step(node, (net.images,)), constants(module))
    amounts = pixels(*node.meta["val"].shape, seed=5).abs()
    written = tape(module)
    assert float(layer.inputs(written).max()) == 4 * 9
    assert float(layer.inputs(written).min()) == 4 * 4  # a corner, where padding is no pixel
    found = layer.equally(amounts, written)
    assert distance(found.sum((1, 2, 3)), amounts.sum((1, 2, 3))) <= 1e-13
    assert torch.equal(found[:, 0], found[:, 1])
