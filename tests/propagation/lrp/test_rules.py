"""Every rule against dense matrices, in float64."""

import gc

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import AlphaBeta, Composite, Epsilon, Flat, Gamma, Pass, WSquare, ZBox, ZPlus
from tests.propagation import oracle

TARGET = 2


def _seeded(*layers):
    model = nn.Sequential(*layers).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def rectified():
    """Non-negative hidden values, overlapping max-pool, strides and padding."""
    return _seeded(
        nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(54, 7), nn.ReLU(), nn.Linear(7, 5),
    )  # fmt: skip


def signed():
    """Values of either sign everywhere, groups, dilation, an average pool."""
    return _seeded(
        nn.Conv2d(3, 4, 3, padding=2, dilation=2), nn.GELU(), nn.Conv2d(4, 4, 3, 2, groups=2), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


RULES = {
    "plain": lambda bias: Epsilon(bias=bias),
    "z_plus": lambda bias: ZPlus(bias=bias),
    "alpha2_beta1": lambda bias: AlphaBeta(bias=bias),
    "gamma": lambda bias: Gamma(bias=bias),
}
FIRST = {"w_square": WSquare(), "flat": Flat(), "z_box": ZBox(low=-2.0, high=3.0)}


def compare(model, images, composite, choose):
    explanation = pyxai.explain(model, images, "lrp", TARGET, composite=composite)
    for image, found, score, expected in zip(
        images, explanation.attribution, explanation.score, found_totals(explanation), strict=True
    ):
        relevance, kept, f = oracle.walk(model, image, TARGET, choose)
        assert (found - relevance).abs().max() <= 1e-10 * relevance.abs().max()
        assert abs(score - f) <= 1e-12 * abs(f)
        assert abs(expected - (f - kept)) <= 1e-10 * (abs(f) + abs(kept))


def found_totals(explanation):
    """What the map should sum to, as the explanation has it: its sum less ``delta``."""
    return explanation.attribution.sum((1, 2, 3)) - explanation.delta


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


@pytest.mark.parametrize("name", FIRST)
@pytest.mark.parametrize("build", [rectified, signed])
def test_first_layer_rules(build, name):
    model, images = build(), torch.randn(2, 3, 11, 11, dtype=torch.float64).clamp(-2.0, 3.0)
    reference = oracle.Rules()
    compare(
        model,
        images,
        Composite(convolution=ZPlus(), dense=Epsilon(), first=FIRST[name]),
        lambda index, layer: getattr(
            reference,
            name if index == 0 else "z_plus" if isinstance(layer, nn.Conv2d) else "plain",
        ),
    )


@pytest.mark.parametrize("name", ["flat", "w_square"])
def test_flat_and_w_square_hold_in_every_layer(name):
    model, images = rectified(), torch.randn(2, 3, 11, 11, dtype=torch.float64)
    composite = Composite(FIRST[name], FIRST[name])
    compare(model, images, composite, lambda index, layer: getattr(oracle.Rules(), name))


def test_pass_needs_a_layer_that_keeps_the_shape():
    model = _seeded(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 5))
    images = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    passed = pyxai.explain(model, images, "lrp", TARGET, composite=Composite(Pass(), Epsilon()))
    hidden = model[1](model[0](images))
    w = model[3].weight[TARGET].reshape(3, 4, 4)
    z = model(images)[:, TARGET]
    expected = hidden * w * (z / (z + 1e-6 * z.sign()))[:, None, None, None]
    assert torch.allclose(passed.attribution, expected, rtol=1e-12)
    with pytest.raises(ValueError, match=r"`Pass` must be given to a layer that keeps the shape, got `3`"):
        pyxai.explain(model, images, "lrp", TARGET, composite=Composite(Pass(), Pass()))


def test_a_zero_denominator_gives_zero():
    """A dead pixel under a bias-free layer: 0 / 0 everywhere, and no NaN."""
    model = _seeded(nn.Conv2d(3, 2, 3, bias=False), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
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
        (lambda: ZBox(low=1.0, high=0.0), "`low` must be less than `high`"),
        (
            lambda: ZBox(low=(0.0, 0.0), high=(1.0, 1.0, 1.0)),
            "`low` must be one number or one for each of 3 channels, got \\(0.0, 0.0\\)",
        ),
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
    found = [thing for thing in gc.get_objects() if type(thing) in (torch.Tensor, nn.Parameter)]
    return sum(
        {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in found}.values()
    )


@pytest.mark.parametrize(("rule", "copies"), [(Epsilon(), 0), (ZPlus(), 2), (AlphaBeta(), 2), (Gamma(), 4)])
def test_memory_of_changed_weights(rule, copies):
    """Inputs of either sign need two matrices, one for each; the opposite signs of terms share them."""
    model = _seeded(nn.Flatten(), nn.Tanh(), nn.Linear(192, 2000), nn.Tanh(), nn.Linear(2000, 3))
    before, weight = _bytes_alive(), model[2].weight.nbytes
    explainer = pyxai.Explainer(model, "lrp", composite=Composite(rule, rule))
    explainer(torch.rand(1, 3, 8, 8, dtype=torch.float64), 1)
    assert copies * weight <= _bytes_alive() - before <= (copies + 0.2) * weight
