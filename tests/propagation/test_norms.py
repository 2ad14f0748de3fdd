"""The four normalisations in one form: its parts make up what torch computes."""

import pytest
import torch

from pyxai.capture.calls import instance_norm
from pyxai.propagation.norms import norm
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
W, B, ROW = pixels(6, seed=2), pixels(6, seed=3), pixels(5, seed=4)
NORMS = {
    "layer": lambda net: (aten.layer_norm.default, [5], net.tensor(ROW), net.tensor(ROW.flip(0)), 1e-3),
    "layer of two axes": lambda net: (aten.layer_norm.default, [4, 5]),
    "group": lambda net: (aten.group_norm.default, 3, net.tensor(W), net.tensor(B), 1e-3),
    "group without weights": lambda net: (aten.group_norm.default, 2),
    "instance": lambda net: (instance_norm, net.tensor(W), net.tensor(B), 1e-3),
    "rms": lambda net: (aten.rms_norm.default, [5], net.tensor(ROW), 1e-3),
    "rms with the epsilon of its dtype": lambda net: (aten.rms_norm.default, [4, 5]),
}


def written(name):
    net = Written(pixels(2, 6, 4, 5))
    target, *arguments = NORMS[name](net)
    node = net.call(target, net.images, *arguments)
    return node, tape(net.module(node))


@pytest.mark.parametrize("name", NORMS)
def test_the_parts_make_the_value(name):
    node, values = written(name)
    over, images = norm(node, values), pixels(2, 6, 4, 5)
    centred, scale = over.parts(images)
    found = over.weighted((centred * scale).reshape(images.shape))
    found = found if over.bias is None else found + over.bias
    assert distance(found, node.meta["val"]) <= 1e-12
    assert over.centres is not name.startswith("rms")


@pytest.mark.parametrize("name", NORMS)
def test_centring_is_its_own_transpose(name):
    over = norm(*written(name))
    first, second = (over.shaped(pixels(2, 6, 4, 5, seed=seed)) for seed in (5, 6))
    torch.testing.assert_close((over.centred(first) * second).sum(), (first * over.centred(second)).sum())
