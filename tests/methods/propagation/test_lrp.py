"""Composites on whole networks: LRP-0 is input times gradient, relevance is conserved, biases account for the
rest."""

import math
from typing import get_args

import pytest
import torch
from torch import nn

import pyxai
from pyxai.propagation import Composite, Epsilon, Flat, Gamma, Pass, WSquare, ZPlus
from pyxai.propagation.lrp.composites import NamedComposite
from tests import unfriendly, zoo

# Networks whose only nonlinearities are ReLU and max-pooling: homogeneous but for their biases.
RECTIFIED = [
    "FunctionalReLU", "InplaceAdd", "ReusedModules", "ReusedBatchNorm", "PreActivation", "OverlappingPools",
    "BatchNormBeforePaddedConv", "Concatenation", "Dropouts", "Normalised", "FlipAndSlice",
    "SharedConvOutput", "OddConvolutions", "Flattened", "NoBias", "SingleLogit",
]  # fmt: skip
ZOO = [
    "resnet18",
    "squeezenet1_0",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("vgg16", "densenet121", "googlenet")),
]
EXACT = {"epsilon": 0.0}


def network(name):
    if name in zoo.ZOO:
        size = zoo.ZOO[name].small
        return zoo.build(name, small=True, dtype=torch.float64), zoo.photographs(2, size).double()
    return unfriendly.build(name), unfriendly.images(3)


def without_biases(model):
    """The same network through the origin: no biases, and BatchNorm a scale that folds or stays."""
    for module in model.modules():
        if getattr(module, "bias", None) is not None:
            module.bias.data.zero_()
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.zero_()
    return model


@pytest.mark.parametrize("name", [*RECTIFIED, *ZOO])
def test_lrp_0_is_input_times_gradient(name):
    model, images = network(name)
    found = pyxai.explain(model, images, "lrp", 0, composite="epsilon", **EXACT)
    expected = pyxai.explain(model, images, "input_x_gradient", 0).attribution
    assert (found.attribution - expected).abs().max() <= 1e-10 * expected.abs().max()
    assert found.residual.max() <= 1e-9  # what is not at the pixels is at the biases


@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "data present")
def test_epsilon_0_alone_is_lrp_0_of_a_trained_residual_network():
    model, images = zoo.trained_resnet20().double(), zoo.cifar10_images(2)[0].double()
    leaf = images.clone().requires_grad_(True)
    expected = leaf.detach() * torch.autograd.grad(model(leaf)[:, 3].sum(), leaf)[0]
    found = pyxai.explain(model, images, "lrp", 3, composite="epsilon", epsilon=0).attribution
    assert (found - expected).abs().max() <= 1e-10 * expected.abs().max()


OF_TRANSFORMERS = ("attn_lrp", "cp_lrp")  # linear layers have γ in place of ε


@pytest.mark.parametrize(
    "composite",
    [name for name in get_args(NamedComposite) if "box" not in name and name not in OF_TRANSFORMERS],
)
def test_sums_have_the_epsilon_of_the_layers(composite):
    """S = a - b behind a layer of weight 1: the layer and the sum keep S / (S + ε) of what arrives each."""

    class Difference(nn.Module):
        def forward(self, images):
            pixels = images.flatten(1)
            return nn.functional.linear(pixels[:, :1] - pixels[:, 1:], torch.ones(1, 1).double())

    images = torch.tensor([3.0, 1.0], dtype=torch.float64).reshape(1, 1, 1, 2)
    found = pyxai.explain(Difference(), images, "lrp", composite=composite, epsilon=0.5, stabiliser=0.1)
    expected = torch.tensor([3.0, -1.0], dtype=torch.float64) * (2 / 2.5) ** 2
    assert torch.allclose(found.attribution.flatten(), expected)


def exact(rule, first=None, average=None):
    """``rule`` in hidden layers, and nothing that stabilises."""
    limit, average = Gamma(gamma=math.inf, stabiliser=0.0), average or Epsilon(epsilon=0.0)
    return Composite(rule, rule, affine=limit, average=average, first=first, stabiliser=0.0)


CONSERVING = {
    "z_plus": exact(ZPlus(stabiliser=0.0)),
    "gamma": exact(Gamma(stabiliser=0.0)),
    "flat": exact(Flat(), average=Flat()),  # a dead channel has its share, which ε would divide by zero
    "flat first": exact(ZPlus(stabiliser=0.0), Flat()),
    "w_square": exact(WSquare(), average=WSquare()),
    "w_square first": exact(Gamma(stabiliser=0.0), WSquare()),
}


@pytest.mark.slow
@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "data present")
@pytest.mark.parametrize(
    "model, images",
    [
        (zoo.trained_resnet20, lambda: zoo.cifar10_images(4)),
        (zoo.trained_squeezenet, lambda: zoo.imagenet_images(2)),
    ],
    ids=["resnet20", "squeezenet"],
)
def test_trained_networks(model, images):
    model, images = model().double(), images()[0].double()
    found = pyxai.explain(model, images, "lrp", composite="epsilon", **EXACT)
    expected = pyxai.explain(model, images, "input_x_gradient", found.target).attribution
    assert (found.attribution - expected).abs().max() <= 1e-10 * expected.abs().max()
    assert found.residual.max() <= 1e-9
    for rule in ("z_plus", "gamma", "flat first", "w_square first"):
        assert pyxai.explain(model, images, "lrp", composite=CONSERVING[rule]).residual.max() <= 1e-9


@pytest.mark.parametrize("rule", CONSERVING)
@pytest.mark.parametrize(
    "name", ["resnet18", "FunctionalReLU", "ReusedBatchNorm", "Concatenation", "OverlappingPools"]
)
def test_relevance_is_conserved_without_biases(name, rule):
    model, images = network(name)
    found = pyxai.explain(without_biases(model), images.abs(), "lrp", 1, composite=CONSERVING[rule])
    assert (found.attribution.sum((1, 2, 3)) - found.score).abs().max() <= 1e-9 * found.score.abs().max()
    assert found.residual.max() <= 1e-9


@pytest.mark.parametrize("rule", ["z_plus", "gamma", "flat first", "w_square first"])
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow, pytest.mark.xdist_group("memory")])
        for name in ("mobilenet_v3_small", "vit_b16", "densenet121", "googlenet", "efficientnet_b0")
    ],
)
def test_what_is_not_conserved_had_no_positive_part(name, rule):
    """Concatenation, squeeze-excitation and attention; beyond biases only z⁺ can lose, by its definition."""
    model, images = network(name)
    explainer = pyxai.Explainer(without_biases(model), "lrp", composite=CONSERVING[rule])
    found, report = explainer(images[:1], 1), explainer.report(images[:1], 1)
    lost = sum(sum(layer.reasons.values()) for layer in report.layers)
    assert (found.delta + lost).abs().max() <= 1e-9 * max(report.layers[0].arrived.abs().max(), 1)
    if rule in ("gamma", "w_square first") or name in ("densenet121", "googlenet"):
        assert found.residual.max() <= 1e-9


SMOOTH = [
    "Gate",
    "Smooth",
    "LeakyActivations",
    "SoftmaxAttention",
    "OtherNorms",
    "InplaceOps",
    "LogSoftmaxOutput",
]
GATED = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("mobilenet_v3_small", "vit_b16", "efficientnet_b0", "convnext_tiny")
]


@pytest.mark.parametrize("name", [*SMOOTH, *GATED])
def test_biases_account_for_the_rest(name):
    """Squeeze-excitation, attention, GELU, normalisation: nothing is lost but to what acts as a bias."""
    model, images = network(name)
    found = pyxai.explain(model, images, "lrp", 1, composite="epsilon", **EXACT)
    assert found.residual.max() <= 1e-8
    assert bool(torch.isfinite(found.attribution).all())


@pytest.mark.parametrize("composite", get_args(NamedComposite))
@pytest.mark.parametrize("name", ["InplaceAdd", "Gate", "SoftmaxAttention", "LeakyActivations"])
def test_every_composite_runs_with_every_treatment_of_biases(name, composite):
    model, images = network(name)
    box = {"low": float(images.min()), "high": float(images.max())}
    for bias in ("absorb", "ignore", "spread"):
        found = pyxai.explain(model, images, "lrp", 1, composite=composite, bias=bias, **box)
        assert bool(torch.isfinite(found.attribution).all()) and bool(found.attribution.any())


def test_spread_biases_leave_nothing():
    """With b / V given to the inputs, the map sums to the whole score in spite of biases (slides)."""
    model, images = network("FunctionalReLU")
    found = pyxai.explain(model, images, "lrp", 1, composite="epsilon", bias="spread", **EXACT)
    assert torch.allclose(found.attribution.sum((1, 2, 3)), found.score, rtol=1e-9)


def test_the_linear_counterexample():
    """f = b + Σ w_d x_d (slides): R_d = b / V + w_d x_d, not f by share of magnitudes, which has no sign."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double()
    model[1].weight.data = torch.tensor([[1.0, -2.0, 3.0, 0.5], [0.0, 0.0, 0.0, 1.0]], dtype=torch.float64)
    model[1].bias.data = torch.tensor([2.0, 0.0], dtype=torch.float64)
    images = torch.tensor([1.0, 1.0, -1.0, 2.0], dtype=torch.float64).reshape(1, 1, 2, 2)
    found = pyxai.explain(model, images, "lrp", 0, composite="epsilon", bias="spread", **EXACT)
    assert torch.allclose(
        found.attribution.flatten(), torch.tensor([1.5, -1.5, -2.5, 1.5], dtype=torch.float64)
    )


class Preprocessed(nn.Module):
    """A network that turns its channels round, scales, shifts and normalises before the first convolution."""

    def __init__(self, norm, net):
        super().__init__()
        self.norm, self.net = norm, net

    def forward(self, x):
        return self.net(self.norm(x.flip(1) * 2.0 - 0.5))


def test_the_box_is_mapped_to_the_first_convolution():
    """z^B of the pixels is z^B of what the convolution sees, in its own box; padding has no share."""
    norm = nn.BatchNorm2d(3).double().eval()
    norm.weight.data, norm.bias.data = torch.tensor([[1.5, -0.7, 0.4], [0.3, 0.1, -0.2]]).double()
    norm.running_mean, norm.running_var = torch.tensor([[0.2, -0.1, 0.4], [0.5, 2.0, 1.2]]).double()
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 64, 5)
    net = nn.Sequential(*layers).double().eval()
    low, high = (-1.0, -2.0, -3.0), (1.0, 2.5, 3.0)
    ends = torch.tensor([low, high]).double()[:, :, None, None]
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(2, 3, 8, 8, generator=generator, dtype=torch.float64)
    images = ends[:1] + share * (ends[1:] - ends[:1])
    with torch.no_grad():
        seen, corners = (norm(values.flip(1) * 2.0 - 0.5) for values in (images, ends))
    inside = [tuple(bound.flatten().tolist()) for bound in (corners.amin(0), corners.amax(0))]

    options = {"composite": "epsilon_gamma_box"}
    found = pyxai.explain(Preprocessed(norm, net).eval(), images, "lrp", 1, low=low, high=high, **options)
    expected = pyxai.explain(net, seen, "lrp", 1, low=inside[0], high=inside[1], **options)
    assert torch.allclose(found.attribution, expected.attribution.flip(1), rtol=1e-10)


def test_products_by_halves_or_by_the_signal():
    """x · sigmoid(x): half of R goes through the gate, which passes it on, or none."""

    class Gated(nn.Module):
        def forward(self, x):
            a, b = x.flatten(1).chunk(2, 1)
            return a * torch.sigmoid(b)

    images = torch.tensor([2.0, -1.0, 0.5, 3.0], dtype=torch.float64).reshape(1, 1, 2, 2)
    found = {
        product: pyxai.explain(
            Gated(), images, "lrp", 0, composite=Composite(ZPlus(), Epsilon(), product=product)
        )
        for product in ("equal", "signal")
    }
    score = found["equal"].score.item()
    half = torch.tensor([[[[score / 2, 0.0], [score / 2, 0.0]]]], dtype=torch.float64)
    assert torch.allclose(found["equal"].attribution, half)
    assert torch.allclose(found["signal"].attribution, half * torch.tensor([[2.0], [0.0]]).double())


@pytest.mark.slow
def test_a_compiled_explanation_is_the_same():
    model, images = network("InplaceAdd")
    explainer = pyxai.Explainer(model, "lrp")
    expected = explainer(images, 1).attribution
    compiled = torch.compile(lambda pixels: explainer(pixels, 1).attribution, backend="aot_eager")
    assert torch.allclose(compiled(images), expected, rtol=1e-10)


def test_several_targets_share_one_forward_pass():
    model, images = network("InplaceAdd")
    several = pyxai.explain(model, images, "lrp", "top3")
    for t in range(3):
        alone = pyxai.explain(model, images, "lrp", several.target[:, t])
        assert torch.equal(alone.attribution, several.attribution[:, t])
        assert torch.equal(alone.delta, several.delta[:, t])


def test_an_image_does_not_see_its_batch_mates():
    model, images = unfriendly.build("InplaceAdd", torch.float32), unfriendly.images(5, torch.float32)
    explainer = pyxai.Explainer(model, "lrp", rows=2)
    together = explainer(images, 1).attribution
    assert torch.equal(torch.cat([explainer(image[None], 1).attribution for image in images]), together)


def test_rules_by_name_and_position():
    model, images = network("FunctionalReLU")
    plain = Composite(ZPlus(), Epsilon())
    named = pyxai.explain(model, images, "lrp", 1, composite=plain.at("conv1", Flat())).attribution
    first = pyxai.explain(
        model, images, "lrp", 1, composite=Composite(ZPlus(), Epsilon(), first=Flat())
    ).attribution
    assert torch.equal(named, first)
    last = Composite(ZPlus(), ZPlus(), last=Epsilon())
    assert torch.equal(
        pyxai.explain(model, images, "lrp", 1, composite=last).attribution,
        pyxai.explain(model, images, "lrp", 1, composite=plain).attribution,
    )
    with pytest.raises(
        ValueError, match=r"`composite` must name modules that compute something, got 'conv9'"
    ):
        pyxai.explain(model, images, "lrp", 1, composite=plain.at("conv9", Flat()))


@pytest.mark.parametrize(
    "options, message",
    [
        (
            {"composite": "epsilon_minus"},
            "`composite` must be one of 'epsilon', .*, a Composite, got 'epsilon_minus'",
        ),
        ({"composite": "epsilon_gamma_box", "low": 1.0, "high": 0.0}, "lrp: `low` must be less than `high`"),
        (
            {"composite": "epsilon_gamma_box", "low": (0.0, 0.0), "high": (1.0, 1.0)},
            "^lrp: `low` must be one number or one for each of 3 channels, got \\(0.0, 0.0\\)",
        ),
        ({"epsilon": -1e-6}, "lrp: `epsilon` must be a number that is not negative"),
        (
            {"composite": Composite(ZPlus(), ZPlus()), "epsilon": 0},
            "lrp: `epsilon` must be given to the rules",
        ),
        ({"bias": "keep"}, "lrp: `bias` must be one of 'absorb', 'ignore', 'spread'"),
    ],
)
def test_bad_options(options, message):
    model, images = network("FunctionalReLU")
    with pytest.raises(ValueError, match=message):
        pyxai.explain(model, images, "lrp", 1, **options)


def test_an_operation_without_a_rule_is_named_with_its_cure():
    class Cosine(nn.Module):
        def forward(self, x):
            return torch.cos(x)

    model = nn.Sequential(nn.Conv2d(3, 4, 3), Cosine(), nn.Flatten(), nn.Linear(4 * 14 * 14, 5)).double()
    images = unfriendly.images(1)
    with pytest.raises(ValueError, match=r"lrp: no rule for the operation `cos` in `1`; give its module one"):
        pyxai.explain(model, images, "lrp")
    found = pyxai.explain(model, images, "lrp", composite=Composite(ZPlus(), Epsilon()).at("1", Pass()))
    assert bool(found.attribution.any())


def test_training_mode_is_refused():
    with pytest.raises(ValueError, match="must be in evaluation mode"):
        pyxai.explain(unfriendly.build("TrainingMode"), unfriendly.images(1), "lrp")
