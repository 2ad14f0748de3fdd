"""Max pools of planes and volumes: values, places and the way back are torch's own, also between equals."""

import pytest
import torch
import torch.nn.functional as F

from pyxai.capture import vocabulary
from pyxai.capture.calls import result
from pyxai.propagation import pools
from pyxai.propagation.walk import Step
from tests.graphs import Written, distance, pixels, tape

aten = torch.ops.aten
PLANES, VOLUMES = (2, 4, 6, 7), (2, 3, 4, 5, 6)
POOLS = {  # operation, its arguments, the same in torch.nn.functional, the source
    "plane": (aten.max_pool2d.default, ([2, 2],), lambda x: F.max_pool2d(x, 2), PLANES),
    "overlapping": (
        aten.max_pool2d.default, ([3, 3], [2, 2], [1, 1]), lambda x: F.max_pool2d(x, 3, 2, 1), PLANES,
    ),
    "with places": (
        result(aten.max_pool2d_with_indices.default, 0), ([2, 2], [1, 2]),
        lambda x: F.max_pool2d(x, 2, (1, 2)), PLANES,
    ),
    "dilated": (
        aten.max_pool2d.default, ([2, 2], [1, 1], [0, 0], [2, 3], True),
        lambda x: F.max_pool2d(x, 2, 1, 0, (2, 3), True), PLANES,
    ),
    "volume": (aten.max_pool3d.default, ([2, 2, 2],), lambda x: F.max_pool3d(x, 2), VOLUMES),
    "overlapping volumes": (
        result(aten.max_pool3d_with_indices.default, 0), ([3, 3, 2], [2, 1, 2], [1, 1, 0]),
        lambda x: F.max_pool3d(x, (3, 3, 2), (2, 1, 2), (1, 1, 0)), VOLUMES,
    ),
    "volume without channels": (
        aten.max_pool3d.default, ([2, 2, 2],), lambda x: F.max_pool3d(x, 2), VOLUMES[1:],
    ),
    "adaptive": (
        result(aten.adaptive_max_pool2d.default, 0), ([4, 3],),
        lambda x: F.adaptive_max_pool2d(x, (4, 3)), PLANES,
    ),
    "adaptive volumes": (
        result(aten.adaptive_max_pool3d.default, 0), ([3, 5, 4],),
        lambda x: F.adaptive_max_pool3d(x, (3, 5, 4)), VOLUMES,
    ),
}  # fmt: skip


@pytest.mark.parametrize("tied", [False, True], ids=["apart", "tied"])
@pytest.mark.parametrize("name", POOLS)
def test_a_pool_its_places_and_the_way_back(name, tied):
    target, arguments, function, shape = POOLS[name]
    images = pixels(*shape).round() if tied else pixels(*shape)
    net = Written(images)
    node = net.call(target, net.images, *arguments)
    step, written = Step(node, (net.images,)), tape(net.module(node))
    value = pools.pooled(step, (images, *arguments), {}, written)
    leaf = images.clone().requires_grad_(True)
    expected = function(leaf)
    assert torch.equal(value, expected)
    places = written.notes[step]
    assert torch.equal(pools.picked(step, images, places), value)
    other = pixels(1, *shape[1:], seed=4)  # one for all images
    alike = pools.picked(step, other.expand(shape), places)
    assert torch.equal(pools.picked(step, other, places), alike)
    signal = pixels(*value.shape, seed=2)
    (gradient,) = torch.autograd.grad(expected, leaf, signal)
    assert distance(pools.unpooled(step, signal, written, places), gradient) <= 1e-15


def test_every_max_pool_of_the_vocabulary_has_its_places():
    assert {target for target, *_ in POOLS.values()} == vocabulary.MAX_POOLS
