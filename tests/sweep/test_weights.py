"""Networks with drawn weights have nothing that is trivially zero or one."""

import pytest
import torch
from torch import nn

from tests import zoo
from tests.sweep import weights

SIZE = 8


class Untrained(nn.Module):
    """What libraries leave at zero, one or nearly so."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 16, 3, bias=False), nn.BatchNorm2d(16)
        self.layers, self.scores = nn.LayerNorm(16), nn.Linear(16, 5)
        self.scale = nn.Parameter(torch.full((16,), 1e-6))
        self.gamma, self.temperature = nn.Parameter(torch.zeros(16)), nn.Parameter(torch.ones(1))
        self.position = nn.Parameter(torch.randn(16) * 0.02)
        self.decay = nn.Parameter(torch.tensor(3.5))
        nn.init.zeros_(self.norm.weight)
        nn.init.zeros_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def forward(self, x):
        x = self.norm(self.first(x)).mean((2, 3)) + self.position
        return self.scores(self.layers(x) * self.scale + x * self.gamma * self.temperature)


def drawn(seed=0):
    torch.manual_seed(0)
    model = Untrained().double().eval()
    weights.draw(model, SIZE, seed)
    return model


@pytest.mark.parametrize("name", dict(Untrained().named_parameters()))
def test_no_parameter_is_zero_one_or_the_same_throughout(name):
    value = dict(drawn().named_parameters())[name].detach()
    assert (value.abs().min() > 1e-4 and (value - 1).abs().min() > 1e-3) or name == "decay"
    assert value.numel() == 1 or value.std() > 0.05


def test_scales_are_away_from_zero_and_one():
    model = drawn()
    for value in (model.scale, model.gamma, model.norm.weight, model.layers.weight, model.temperature):
        assert value.abs().min() >= 0.3 and value.abs().max() <= 0.95


def test_a_number_that_means_something_stays():
    assert drawn().decay.item() == 3.5


def test_statistics_are_near_those_of_the_signals_and_not_theirs():
    model = drawn()
    values = model.first(zoo.photographs(8, SIZE).double()).transpose(0, 1).flatten(1)
    apart = (model.norm.running_mean - values.mean(1)).abs() / values.std(1)
    assert apart.min() > 0 and apart.max() < 1.5
    ratio = model.norm.running_var / values.var(1)
    assert ratio.min() > 0.55 and ratio.max() < 1.65 and ratio.std() > 0.1
    assert not model.norm.training and model.norm.momentum == 0.1


def test_a_seed_is_a_network():
    first, second, other = drawn(), drawn(), drawn(1)
    for one, two in zip(first.state_dict().values(), second.state_dict().values(), strict=True):
        assert torch.equal(one, two)
    assert not torch.equal(first.first.weight, other.first.weight)
