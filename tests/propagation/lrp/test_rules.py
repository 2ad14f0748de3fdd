"""Every rule against dense matrices, in float64."""

import gc

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import AlphaBeta, Composite, Epsilon, Gamma, ZPlus
from tests.propagation import oracle
from tests.propagation.oracle import compare, rectified, seeded, signed

RULES = {
    "plain": lambda bias: Epsilon(bias=bias),
    "z_plus": lambda bias: ZPlus(bias=bias),
    "alpha2_beta1": lambda bias: AlphaBeta(bias=bias),
    "gamma": lambda bias: Gamma(bias=bias),
}


@pytest.mark.parametrize("bias", ["absorb", "ignore", "spread"])
@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("build", [rectified, signed])
def test_hidden_rules(build, name, bias):
    model, images = build(), torch.randn(2, 3, 11, 11, dtype=torch.float64)
    rule = RULES[name](bias)
    reference = oracle.Rules(bias)
    pools = oracle.Rules("absorb")
    compare(
        model,
        images,
        Composite(convolution=rule, dense=rule),
        lambda index, layer: pools.plain if isinstance(layer, nn.AvgPool2d) else getattr(reference, name),
    )


def test_a_zero_denominator_gives_zero():
    """A dead pixel under a bias-free layer: 0 / 0 everywhere, and no NaN."""
    model = seeded(nn.Conv2d(3, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    images = torch.zeros(1, 3, 4, 4, dtype=torch.float64)
    for rule in (
        Epsilon(epsilon=0.0),
        ZPlus(stabiliser=0.0),
        AlphaBeta(stabiliser=0.0),
        Gamma(stabiliser=0.0),
    ):
        found = pyxai.explain(model, images, "lrp", 0, composite=Composite(rule, rule)).attribution
        assert torch.equal(found, torch.zeros_like(images))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: AlphaBeta(alpha=2.0, beta=0.5), "`alpha` - `beta` must be 1"),
        (lambda: Epsilon(epsilon=-1.0), "`epsilon` must be a number that is not negative"),
        (lambda: Gamma(gamma=-0.25), "`gamma` must be a number that is not negative"),
        (lambda: Epsilon(bias="drop"), "`bias` must be one of 'absorb', 'ignore', 'spread'"),
    ],
)
def test_impossible_rules_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def _bytes_alive():
    gc.collect()
    tensors = (thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, nn.Parameter))
    storages = (tensor.untyped_storage() for tensor in tensors if tensor.layout is torch.strided)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


@pytest.mark.slow
@pytest.mark.parametrize(("rule", "copies"), [(Epsilon(), 0), (ZPlus(), 2), (AlphaBeta(), 2), (Gamma(), 4)])
def test_memory_of_changed_weights(rule, copies):
    """Inputs of either sign need two matrices, one for each; the opposite signs of terms share them."""
    model = seeded(nn.Flatten(), nn.Tanh(), nn.Linear(192, 2000), nn.Tanh(), nn.Linear(2000, 3))
    before, weight = _bytes_alive(), model[2].weight.nbytes
    explainer = pyxai.Explainer(model, "lrp", composite=Composite(rule, rule))
    explainer(torch.rand(1, 3, 8, 8, dtype=torch.float64), 1)
    assert copies * weight <= _bytes_alive() - before <= (copies + 0.2) * weight
