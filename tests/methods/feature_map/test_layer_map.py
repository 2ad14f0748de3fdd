"""Maps of one or several layers, alike for captured models and those that run as they are."""

import copy

import pytest
import torch
from torch import nn

import pyxai
from tests.methods.feature_map.networks import IMAGES, dense

FAMILY = (
    "grad_cam", "grad_cam_plus_plus", "layer_cam", "hires_cam", "xgrad_cam", "eigen_cam", "eigen_grad_cam",
    "fem", "score_cam", "ablation_cam",
)  # fmt: skip


class Python(nn.Module):
    """A model with a decision that a capture cannot follow."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x) * (1 if float(x.detach().sum()) < 1e9 else 2)


@pytest.mark.parametrize("method", FAMILY)
def test_a_model_that_runs_as_it_is_has_the_maps_of_the_captured_one(method):
    captured, eager = pyxai.Explainer(dense(), method), pyxai.Explainer(Python(dense()), method)
    first, second = captured(IMAGES, "top2"), eager(IMAGES, "top2")
    assert captured.info()["programs"][0]["captured"] and not eager.info()["programs"][0]["captured"]
    assert torch.allclose(first.attribution, second.attribution, rtol=1e-9, atol=1e-12)
    assert torch.equal(first.target, second.target) and torch.equal(first.evaluations, second.evaluations)


@pytest.mark.parametrize("method", FAMILY)
def test_several_layers_are_averaged_at_the_size_of_the_image(method):
    model = dense()
    both = pyxai.explain(model, IMAGES, method, 1, layer=("1", "3")).attribution
    each = [pyxai.explain(model, IMAGES, method, 1, layer=layer).attribution for layer in ("1", "3")]
    assert torch.allclose(both, sum(each) / 2, rtol=1e-9, atol=1e-14)
    with pytest.raises(
        ValueError, match=r"`upsample` must be True for layers of several sizes, got False for"
    ):
        pyxai.explain(model, IMAGES, method, 1, layer=("1", "3"), upsample=False)


@pytest.mark.parametrize("method", FAMILY)
def test_float32_is_near_float64(method):
    exact = pyxai.explain(dense(), IMAGES, method, 1).attribution
    found = pyxai.explain(dense().float(), IMAGES.float(), method, 1)
    assert found.attribution.dtype == torch.float32
    assert (found.attribution - exact).abs().max() <= 1e-5 * exact.abs().max()


class Broken(nn.Module):
    """A model that raises in the middle when it is told."""

    def __init__(self, model):
        super().__init__()
        self.model, self.broken = model, False

    def forward(self, x):
        x = self.model[:5](x)
        if self.broken and float(x.detach().sum()) < 1e9:
            raise RuntimeError("on the way")
        return self.model[5:](x) if float(x.detach().sum()) < 1e9 else x


@pytest.mark.parametrize("method", FAMILY)
def test_the_model_is_untouched_also_when_it_raises(method):
    model = Broken(dense())
    twin = copy.deepcopy(model.model.state_dict())
    run = pyxai.Explainer(model, method, layer="model.3")
    run(IMAGES)
    assert not run.info()["programs"][0]["captured"]
    model.broken = True
    with pytest.raises(RuntimeError, match="on the way"):
        run(IMAGES)
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks and not module._backward_hooks
    assert all(torch.equal(value, twin[name]) for name, value in model.model.state_dict().items())
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


def test_smooth_grad_cam_plus_plus_is_the_mean_over_noisy_copies():
    options = {"of": "grad_cam_plus_plus", "of_options": {"layer": "3"}, "samples": 4}
    found = pyxai.explain(dense(), IMAGES, "smoothgrad", 1, noise_scale=0.1, **options)
    still = pyxai.explain(dense(), IMAGES, "smoothgrad", 1, noise_scale=0.0, **options)
    assert found.attribution.shape == found.standard_error.shape == (3, 1, 12, 16)
    assert torch.allclose(
        still.attribution, pyxai.explain(dense(), IMAGES, "grad_cam_plus_plus", 1).attribution
    )
    assert not torch.allclose(found.attribution, still.attribution)


def test_bf16_runs_the_model_and_the_map_is_summed_in_float32():
    model, images = dense().float(), IMAGES.float()
    exact = pyxai.explain(model, images, "grad_cam", 1).attribution
    found = pyxai.explain(model, images, "grad_cam", 1, precision="bf16").attribution
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() <= 0.05 * exact.abs().max()
