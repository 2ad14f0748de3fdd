"""The graph that gradients are taken of: same values, same tensors, fewer buffers."""

import torch
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.fast.differentiable import differentiable
from pyxai.capture.fast.narrow import narrow_convolution
from pyxai.capture.program import capture
from tests import unfriendly, zoo

aten = torch.ops.aten


def targets(module):
    return [node.target for node in module.graph.nodes]


class _ReadTwice(nn.Module):
    """The first convolution's output goes through a ReLU and around it."""

    def __init__(self):
        super().__init__()
        self.first, self.second = (nn.Conv2d(3, 3, 3, padding=1, dtype=torch.float64) for _ in range(2))

    def forward(self, images):
        values = self.first(images)
        return self.second(values.relu() + values).relu().mean((2, 3))


def test_relu_overwrites_only_what_nothing_else_reads():
    model, images = _ReadTwice(), unfriendly.images()
    program = capture(Classifier(model), images)
    plain, fast = targets(program.forward), targets(program.differentiated)
    assert aten.relu_.default not in plain  # the canonical graph keeps every value
    assert (fast.count(aten.relu.default), fast.count(aten.relu_.default)) == (1, 1)
    assert torch.equal(program.forward(images), program.differentiated(images))


def test_first_layer_is_differentiated_by_blocks_and_tensors_are_shared():
    ((_, model, images),) = zoo.models(["resnet20"], small=True)
    module = capture(Classifier(model), images).forward
    copy = differentiable(module)
    assert targets(copy).count(narrow_convolution) == 1
    shared = {buffer.data_ptr() for buffer in module.buffers()}
    assert sum(buffer.data_ptr() not in shared for buffer in copy.buffers()) == 1  # the block kernel
