"""Which captures of the tests share a trace."""

import pytest
import torch
from torch import nn

from pyxai.capture import export
from pyxai.capture.classifier import Classifier
from tests import traces


class Scaled(nn.Module):
    def __init__(self, factor=2.0, function=torch.relu):
        super().__init__()
        self.layer, self.factor, self.function = nn.Linear(12, 3), factor, function

    def forward(self, x):
        return self.function(self.layer(x.flatten(1))) * self.factor


@pytest.fixture
def traced(monkeypatch):
    """The number of traces that were made, as a list."""
    made, trace = [], export._trace

    def counted(*arguments):
        made.append(arguments)
        return trace(*arguments)

    monkeypatch.setattr(export, "_trace", traces.shared(counted))
    return made


def captured(model, images):
    return export.export(Classifier(model.eval()), images)(images)


@pytest.fixture
def images():
    return torch.rand(2, 3, 2, 2)


def test_equal_networks_share_one_and_keep_their_values(traced, images):
    for _ in range(3):
        model = Scaled()
        assert torch.equal(captured(model, images), model(images))
        with torch.no_grad():
            model.layer.weight.mul_(2)
        assert torch.equal(captured(model, images), model(images))
    assert len(traced) == 1


@pytest.mark.parametrize(
    "other",
    [
        Scaled(3.0),
        Scaled(2),
        Scaled(function=torch.tanh),
        Scaled(function=lambda x: -x),
        Scaled().double(),
        nn.Sequential(Scaled()),
    ],
)
def test_networks_that_differ_have_their_own(traced, images, other):
    captured(Scaled(), images)
    images = images.to(next(other.parameters()).dtype)
    assert torch.equal(captured(other, images), other(images))
    assert len(traced) == 2


def test_what_cannot_be_seen_is_traced_each_time(traced, images):
    factor = [1.0]
    for factor[0] in (2.0, 3.0):
        hidden = Scaled(function=lambda x: x * factor[0])
        assert torch.equal(captured(hidden, images), hidden(images))
    assert len(traced) == 2
