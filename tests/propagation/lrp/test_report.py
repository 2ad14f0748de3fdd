"""The report of every layer: nothing is unaccounted for."""

import pytest
import torch

import pyxai
from pyxai.propagation import AlphaBeta, Composite, Epsilon, Flat, Gamma, WSquare, ZPlus
from tests import unfriendly, zoo


def balanced(report):
    """Largest distance of arrived = passed + bias + lost, and of the chain from the score to the pixels."""
    return max(
        float((layer.arrived - layer.passed - layer.bias - layer.lost).abs().max()) for layer in report.layers
    )


def test_a_table_from_the_score_to_the_pixels():
    model, images = unfriendly.build("InplaceAdd"), unfriendly.images(3)
    explainer = pyxai.Explainer(model, "lrp", composite="epsilon", rows=2)
    report, explanation = explainer.report(images, 1), explainer(images, 1)
    assert balanced(report) <= 1e-12
    assert torch.equal(report.target, explanation.target) and torch.equal(report.score, explanation.score)
    assert torch.allclose(report.layers[0].arrived, report.score)
    total = explanation.attribution.sum((1, 2, 3))
    assert torch.allclose(report.score - sum(layer.bias + layer.lost for layer in report.layers), total)
    assert torch.allclose(report.bias_share, 1 - (total - explanation.delta) / report.score)
    text = str(report).splitlines()
    assert len(text) == len(report.layers) + 2
    assert text[0].split() == ["module", "operation", "arrived", "passed", "bias", "lost", "why"]
    assert text[2].split()[:2] == ["head.fc", "linear"] and "ε" in text[2]


@pytest.mark.parametrize("name", ["FunctionalReLU", "OddConvolutions", "PreActivation", "OverlappingPools"])
def test_alpha_beta_loses_what_has_no_part_of_a_sign(name):
    """ΣR_in = ΣR_out + β (R of units without negative part) - α (R of units without positive part)."""
    model, images = unfriendly.build(name), unfriendly.images(3)
    rule = AlphaBeta(stabiliser=0.0)
    exact = Epsilon(epsilon=0.0)
    composite = Composite(rule, rule, affine=exact, average=exact, stabiliser=0.0)
    report = pyxai.Explainer(model, "lrp", composite=composite).report(images, 1)
    layers = [layer for layer in report.layers if layer.rule.startswith("AlphaBeta")]
    assert len(layers) >= 2
    for layer in layers:
        without = sum(layer.reasons.values())
        scale = layer.arrived.abs() + layer.bias.abs() + without.abs()
        assert ((layer.lost - without).abs() <= 1e-9 * scale).all()


def test_epsilon_takes_what_it_says():
    model, images = zoo.build("resnet18", small=True, dtype=torch.float64), zoo.photographs(2, 64).double()
    report = pyxai.Explainer(model, "lrp", composite="epsilon", epsilon=0.1).report(images)
    for layer in report.layers:
        if layer.rule.startswith("Epsilon"):
            assert torch.allclose(layer.lost, layer.reasons["ε"], atol=1e-9)


class Masked(torch.nn.Module):
    """Infinite numbers that nothing comes of: round a max pool, and where attention does not look."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.fc = torch.nn.Conv2d(3, 8, 3), torch.nn.Linear(8, 5)
        self.register_buffer("mask", torch.full((49, 49), -torch.inf).triu(1))

    def forward(self, x):
        x = torch.nn.functional.pad(self.conv(x), [1, 0, 1, 0], value=-torch.inf)
        x = torch.nn.functional.max_pool2d(x, 3, 2) + torch.nn.functional.max_pool2d(x.relu(), 3, 2)
        tokens = x.flatten(2).transpose(1, 2)
        found = (tokens @ tokens.transpose(1, 2) + self.mask).softmax(2) @ tokens
        return self.fc(found.mean(1))


@pytest.mark.parametrize("composite", ["epsilon", "epsilon_plus_flat", "epsilon_gamma_box"])
def test_nothing_arrives_at_infinite_values(composite):
    model, images = Masked().double().eval(), unfriendly.images(3)
    explainer = pyxai.Explainer(model, "lrp", composite=composite, low=images.min(), high=images.max())
    report, explanation = explainer.report(images, 1), explainer(images, 1)
    assert balanced(report) <= 1e-9
    left = report.score - sum(layer.bias + layer.lost for layer in report.layers)
    assert torch.allclose(explanation.attribution.sum((1, 2, 3)), left)
    assert all(amount.isfinite().all() for layer in report.layers for amount in layer.reasons.values())


def test_methods_without_rules_have_no_report():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(1)
    with pytest.raises(ValueError, match=r"^gradient: `method` must go by rules of relevance, got"):
        pyxai.Explainer(model, "gradient").report(images)
    with pytest.raises(ValueError, match="lrp: `target` must be one class for each image, got 2 classes"):
        pyxai.Explainer(model, "lrp").report(images, "top2")


EXACT = {"affine": Epsilon(epsilon=0.0), "average": Epsilon(epsilon=0.0), "stabiliser": 0.0}
WITHOUT_STABILISER = {
    "flat": Composite(Flat(), Flat(), **EXACT),
    "w_square": Composite(WSquare(), WSquare(), **EXACT),
    "gamma": Composite(Gamma(stabiliser=0.0), Gamma(stabiliser=0.0), **EXACT),
    "positive": Composite(ZPlus(stabiliser=0.0), ZPlus(stabiliser=0.0), sums="positive", **EXACT),
}


@pytest.mark.parametrize("rules", WITHOUT_STABILISER)
@pytest.mark.parametrize(
    "name", ["FlipAndSlice", "OddConvolutions", "PreActivation", "SoftmaxAttention", "Gate", "OtherNorms"]
)
def test_every_loss_has_a_reason(name, rules):
    """Outputs without inputs, units without a positive part, zeros: what else is lost is rounding."""
    model, images = unfriendly.build(name), unfriendly.images(2)
    report = pyxai.Explainer(model, "lrp", composite=WITHOUT_STABILISER[rules]).report(images, 1)
    for layer in report.layers:
        reasons = sum(layer.reasons.values())
        assert ((layer.lost - reasons).abs() <= 1e-9 * (layer.arrived.abs() + layer.bias.abs() + 1)).all()
