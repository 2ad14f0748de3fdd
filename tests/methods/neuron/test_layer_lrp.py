"""Relevance at layers: conservation, closed forms, and `lrp` where the layer is the image."""

import pytest
import torch

import pyxai
from tests import unfriendly
from tests.methods import oracle
from tests.methods.neuron.networks import BESIDE, IMAGES, inside, rectified

METHOD = "layer_lrp"
ZERO = {"composite": "epsilon", "epsilon": 0.0}


@pytest.mark.parametrize("layer", ["norm", "hidden"])
def test_lrp_0_conserves_the_score_less_the_shares_of_biases(layer):
    found = pyxai.explain(rectified(), IMAGES, METHOD, [[1, 3]] * 2, layer=layer, **ZERO)
    assert float(found.residual.max()) <= 1e-9


@pytest.mark.parametrize(
    "options", [{}, {"bias": "ignore"}, {"composite": "epsilon_gamma_box", "low": -3.0, "high": 3.0}]
)
@pytest.mark.parametrize("layer", ["norm", "hidden"])
def test_what_does_not_reach_the_layer_was_kept_behind_it(layer, options):
    """By biases and ε, as the report of the layers behind tells; nothing is lost on the way."""
    model = rectified()
    explainer = pyxai.Explainer(model, METHOD, layer=layer, **options)
    kept = sum(step.bias + step.lost for step in explainer.report(IMAGES, 1).layers)
    arrived = explainer(IMAGES, 1).attribution.flatten(1).sum(1)
    assert torch.allclose(arrived + kept, model(IMAGES)[:, 1], rtol=1e-9)


def test_without_biases_it_conserves_the_score():
    model, images = unfriendly.build("NoBias"), unfriendly.images(2)
    found = pyxai.explain(model, images, METHOD, 1, layer="conv1", **ZERO)
    assert torch.allclose(found.attribution.flatten(1).sum(1), model(images)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("layer", ["norm", "right", "hidden"])
def test_lrp_0_of_a_rectified_network_is_gradient_times_activation(layer):
    model = rectified()
    found = pyxai.explain(model, IMAGES, METHOD, 2, layer=layer, **ZERO)
    value, scores = inside(model, IMAGES, layer)
    wanted = value * torch.autograd.grad(scores[:, 2].sum(), value)[0]
    assert oracle.relative_l1(found.attribution, wanted.detach()) <= 1e-9
    assert (found.delta is None) == (layer == "right")  # beside which something passes


@pytest.mark.parametrize("options", [{}, {"composite": "epsilon_alpha2_beta1_flat"}])
def test_at_the_images_it_is_that_of_the_whole_network(options):
    ours = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer="whole", **options)
    assert (
        oracle.relative_l1(
            ours.attribution, pyxai.explain(rectified(), IMAGES, "lrp", 1, **options).attribution
        )
        <= 1e-12
    )


@pytest.mark.parametrize("layer", BESIDE[:2])
def test_each_call_of_a_module_has_its_own(layer):
    found = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer=layer)
    other = pyxai.explain(rectified(), IMAGES, METHOD, 1, layer=BESIDE[layer == BESIDE[0]])
    assert found.attribution.shape == (2, 6, 8, 10) and not torch.allclose(
        found.attribution, other.attribution
    )


def test_there_is_a_report_of_the_layers_behind():
    explainer = pyxai.Explainer(rectified(), METHOD, layer="hidden")
    assert [layer.module for layer in explainer.report(IMAGES, 1).layers] == ["head", "activation#5"]


def test_operations_below_the_layer_need_no_rule():
    class Cumulated(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = torch.nn.Conv2d(3, 4, 1), torch.nn.Linear(4, 2)

        def forward(self, x):
            return self.head(torch.relu(self.layer(x.cumsum(2).cumprod(3))).mean((2, 3)))

    model = Cumulated().double().eval()
    with pytest.raises(ValueError, match="no rule for the operation"):
        pyxai.explain(model, IMAGES, "lrp", 1)
    assert float(pyxai.explain(model, IMAGES, METHOD, 1, layer="layer").residual.max()) <= 1e-4
