"""A change of a model is seen, also one that leaves no trace but its values."""

import math

import pytest
import torch
from torch import nn

from pyxai.capture.layers import Watch
from pyxai.capture.unchanged import SAMPLES, Unchanged

CHANGES = {
    "in place": lambda model: model[0].weight.detach().add_(1),
    "a module more": lambda model: model.append(nn.ReLU()),
    "a buffer more": lambda model: model[0].register_buffer("more", torch.zeros(1)),
    "training mode": lambda model: model[1].train(),
    "another parameter": lambda model: setattr(model[0], "weight", nn.Parameter(torch.zeros(2, 2))),
    "through .data": lambda model: model[0].weight.data.mul_(2),
    "one of several through .data": lambda model: model[2].bias.data.fill_(3),
    "another storage": lambda model: setattr(model[0].weight, "data", torch.ones(2, 2)),
    "a buffer through .data": lambda model: model[3].running_mean.data.add_(1),
    "to NaN": lambda model: model[0].bias.data.fill_(math.nan),
    "another dtype": lambda model: model.double(),
    "a setting": lambda model: setattr(model[3], "eps", 0.1),
    "a forward hook": lambda model: model[1].register_forward_hook(lambda *_: None),
    "a hook before": lambda model: model.register_forward_pre_hook(lambda *_: None),
}


def network():
    layers = nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 2).to(torch.bfloat16), nn.BatchNorm1d(2)
    return nn.Sequential(*layers).eval()


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_the_model_is_seen(name):
    model = network()
    unchanged = Unchanged(model)
    assert unchanged() and unchanged()
    CHANGES[name](model)
    assert not unchanged()
    assert Unchanged(model)()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (3, 5, 7, 9), (64, 32, 3, 3)])
@pytest.mark.parametrize(
    "write", [lambda w: w.mul_(1.001), lambda w: w.zero_(), lambda w: w.copy_(w.flip(0) + 1)]
)
def test_a_write_to_a_whole_tensor_is_seen(shape, layout, write):
    model = nn.Module()
    model.weight = nn.Parameter(torch.randn(shape).contiguous(memory_format=layout))
    unchanged = Unchanged(model)
    write(model.weight.data)
    assert not unchanged()


VIEWS = {
    "columns": lambda base: base[:, 3:7],
    "steps": lambda base: base[::7, ::3],
    "transposed": lambda base: base.t(),
    "expanded": lambda base: base[:1].expand(40, -1),
    "one value": lambda base: base[5, 5],
    "none": lambda base: base[:0],
}


@pytest.mark.parametrize("make", VIEWS.values(), ids=VIEWS)
def test_views_and_odd_strides_are_taken_within_their_memory(make):
    model, base = nn.Module(), torch.randn(50, 40)
    model.register_buffer("part", make(base))
    unchanged = Unchanged(model)
    assert unchanged()
    base.mul_(2) if make(base).numel() else None
    assert unchanged() is not bool(model.part.numel())


def test_nan_is_like_itself_and_a_single_value_may_escape():
    model = nn.Module()
    model.weight = nn.Parameter(torch.full((10 * SAMPLES,), math.nan))
    unchanged = Unchanged(model)
    assert unchanged()
    model.weight.data[1] = 0  # the documented limit: it lies between the samples
    assert unchanged()


def test_tensors_without_plain_memory_are_known_by_what_they_are():
    model = nn.Module()
    model.register_buffer("sparse", torch.eye(3).to_sparse())
    model.register_buffer("quantised", torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8))
    assert Unchanged(model)()


def test_what_the_models_own_calls_change_is_no_change_of_it():
    class Counting(nn.Linear):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return super().forward(x)

    model = nn.Sequential(Counting(2, 2), nn.BatchNorm1d(2)).eval()
    unchanged = Unchanged(model)
    with Watch(
        model, ("0",), lambda name, value: None
    ):  # our own hooks live for a call, maybe another thread's
        model(torch.ones(2, 2))
        assert unchanged()
    assert model[0].calls == 1 and unchanged()
