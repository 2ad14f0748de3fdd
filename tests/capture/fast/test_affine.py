"""Where the affine layers of a graph end, and when splitting them off pays."""

import pytest
import torch

from pyxai.capture.calls import channel_affine
from pyxai.capture.classifier import Classifier
from pyxai.capture.fast.affine import WORTHWHILE, split_stem
from pyxai.capture.program import capture
from tests import zoo
from tests.capture.against import eager, relative
from tests.graphs import Written, distance, pixels, targets

aten = torch.ops.aten
KERNEL = pixels(4, 3, 7, 7)
SCALE, SHIFT = pixels(3, 1, 1, seed=2), pixels(3, 1, 1, seed=3)

BEFORE = {
    "nothing": lambda net, x: x,
    "shift": lambda net, x: net.call(aten.sub.Tensor, x, net.tensor(SHIFT)),
    "quotient": lambda net, x: net.call(aten.div.Tensor, x, net.tensor(SCALE)),
    "affine": lambda net, x: net.call(channel_affine, x, net.tensor(SCALE), net.tensor(SHIFT)),
    "flip": lambda net, x: net.call(aten.flip.default, x, [1]),
    "pad": lambda net, x: net.call(aten.constant_pad_nd.default, x, [1, 1], 0.5),
    "one less the pixels": lambda net, x: net.call(aten.rsub.Scalar, x, 1.0),
    "squeezed": lambda net, x: net.call(aten.squeeze.default, net.call(aten.unsqueeze.default, x, 1)),
    "squeezed by axes": lambda net, x: net.call(
        aten.squeeze.dims, net.call(aten.unsqueeze.default, x, 1), [1]
    ),
    "pool": lambda net, x: net.call(aten.avg_pool2d.default, x, [2, 2]),
    "both": lambda net, x: net.call(aten.add.Tensor, x, net.call(aten.flip.default, x, [3])),
}
BENT = {
    "relu": lambda net, x: net.call(aten.relu.default, x),
    "square": lambda net, x: net.call(aten.mul.Tensor, x, x),
    "inverse": lambda net, x: net.call(aten.div.Tensor, net.tensor(SCALE), x),
    "computed weight": lambda net, x: net.call(channel_affine, net.tensor(SCALE), x, net.tensor(SHIFT)),
}


def network(before, kernel=KERNEL, end=True):
    """``before`` of the pixels, a convolution, and a ReLU with a global mean."""
    net = Written(pixels(5, 3, 16, 16, seed=4))
    conv = net.call(aten.conv2d.default, before(net, net.images), net.tensor(kernel))
    if not end:
        return net.module(conv)
    relu = net.call(aten.relu.default, conv)
    return net.module(net.call(aten.mean.dim, relu, [2, 3]))


@pytest.mark.parametrize("name", BEFORE)
def test_the_stem_ends_before_the_first_relu(name):
    module, images = network(BEFORE[name]), pixels(2, 3, 16, 16, seed=5)
    stem, rest = split_stem(module)
    assert targets(rest) == [aten.relu.default, aten.mean.dim]
    assert torch.equal(rest(stem(images)), module(images))
    zero = torch.zeros_like(images)
    linear = stem(images) - stem(zero)
    assert distance(stem(3 * images) - stem(zero), 3 * linear) <= 1e-12


@pytest.mark.parametrize("name", BENT)
def test_what_bends_is_not_affine(name):
    assert split_stem(network(BENT[name])) is None


def test_cheap_layers_stay():
    small, large = (pixels(4, 3, size, size) for size in (4, 5))
    assert 3 * 4 * 4 < WORTHWHILE <= 3 * 5 * 5
    assert split_stem(network(BEFORE["nothing"], small)) is None
    assert split_stem(network(BEFORE["nothing"], large)) is not None


def test_an_affine_model_has_no_rest():
    assert split_stem(network(BEFORE["nothing"], end=False)) is None


def test_a_stem_that_is_read_at_two_places_stays():
    net = Written(pixels(5, 3, 16, 16, seed=4))
    conv = net.call(aten.conv2d.default, net.images, net.tensor(KERNEL))
    shifted = net.call(aten.add.Tensor, conv, 1.0)
    bent = (net.call(aten.relu.default, part) for part in (conv, shifted))
    assert split_stem(net.module(net.call(aten.add.Tensor, *bent))) is None


def test_a_stem_that_moves_the_images_axis_stays():
    net = Written(pixels(5, 3, 16, 16, seed=4))
    conv = net.call(aten.conv2d.default, net.images, net.tensor(KERNEL))
    moved = net.call(aten.permute.default, conv, [1, 0, 2, 3])
    assert split_stem(net.module(net.call(aten.relu.default, moved))) is None


def test_the_affine_stem_ends_before_the_first_nonlinearity_and_its_transpose_is_the_gradient():
    ((_, model, images),) = zoo.models(["resnet18"], small=True, dtype=torch.float64)
    program = capture(Classifier(model), images)
    assert program.stem.deep
    value = program.stem.forward(images)
    assert relative(value, model.bn1(model.conv1(images))) <= 1e-12
    assert relative(program.rest(value), model(images)) <= 1e-12
    leaf = value.detach().requires_grad_(True)
    (cotangent,) = torch.autograd.grad(program.rest(leaf)[:, 0].sum(), leaf)
    assert relative(program.stem.pull_back(cotangent), eager(model, images)[1]) <= 1e-12


def test_a_stem_that_would_not_pay_is_not_split_off():
    ((_, model, images),) = zoo.models(["vgg16"], small=True)
    assert not capture(Classifier(model), images).stem.deep
