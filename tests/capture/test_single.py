"""Copies in single precision: what they are made of, and what cannot be compared by them."""

import pytest
import torch
from torch import nn

from pyxai.capture.classifier import Classifier
from pyxai.capture.export import export
from pyxai.capture.single import in_single_precision

POINTS = torch.rand(3, 3, 6, 6, generator=torch.Generator().manual_seed(0)).bfloat16()


class Net(nn.Module):
    """With ``inside`` between a convolution and a linear layer."""

    def __init__(self, inside=torch.relu):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.inside, self.fc = nn.Conv2d(3, 4, 3), inside, nn.Linear(4, 5)
        self.bfloat16().eval()

    def forward(self, x):
        return self.fc(self.inside(self.conv(x)).mean((2, 3)))


def test_the_copies_are_the_model_and_its_graph_and_leave_them_as_they_are():
    model = Classifier(Net(lambda x: x.float().softmax(1).bfloat16()))
    model.model.inside = lambda x: x.float().softmax(1).to(x.dtype)
    graph = export(model, POINTS)
    before = graph(POINTS)
    (first, second), points = in_single_precision([model, graph], POINTS)
    oracle = Net(lambda x: x.softmax(1)).double()(POINTS.double())
    for found in (first(points), second(points)):
        torch.testing.assert_close(found.double(), oracle, rtol=1e-5, atol=1e-6)
    assert torch.equal(graph(POINTS), before) and model(POINTS).dtype == torch.bfloat16


NO_COPIES = {
    "a tensor of its own in half precision": lambda x: x @ torch.eye(4).bfloat16(),
    "half precision inside": lambda x: x.bfloat16().to(x.dtype),
    "other values in single precision": lambda x: x * torch.finfo(x.dtype).eps,
}


@pytest.mark.parametrize("name", NO_COPIES)
def test_what_cannot_be_compared_in_single_precision(name):
    model = Classifier(Net(NO_COPIES[name]))
    assert in_single_precision([model, export(model, POINTS)], POINTS) is None


def test_a_model_that_cannot_be_copied_is_not_compared_so():
    model = Net()
    model.kept = model(POINTS)  # torch copies no tensor that was computed
    assert in_single_precision([model], POINTS) is None
