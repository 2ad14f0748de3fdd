"""Other libraries' words are answered with ours, and never taken."""

import re

import pytest
import torch

import pyxai
from pyxai.methods import get_method, parse_options
from pyxai.methods.elsewhere import ABSENT, ARGUMENTS, METHODS, OPTIONS, simple
from tests.engine import tiny

IMAGES = torch.rand(1, 3, 12, 12)


def test_the_words_lead_somewhere_and_none_is_ours():
    ours = {simple(name): name for name in pyxai.list_methods()}
    assert set(METHODS.values()) <= set(ours.values())
    assert not ours.keys() & (METHODS.keys() | ABSENT) and not METHODS.keys() & ABSENT
    options = {option for name in ours.values() for option in get_method(name).options()}
    assert {option for names in OPTIONS.values() for option in names} <= options
    assert not OPTIONS.keys() & ARGUMENTS.keys()


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("ig", "integrated_gradients"),
        ("IntegratedGradients", "integrated_gradients"),
        ("integrated-gradients", "integrated_gradients"),
        ("gxi", "input_x_gradient"),
        ("InputXGradient", "input_x_gradient"),
        ("NoiseTunnel", "smoothgrad"),
        ("GradientShap", "expected_gradients"),
        ("DeepLiftShap", "deeplift"),
        ("Deconvolution", "deconvnet"),
        ("EpsilonPlusFlat", "lrp"),
        ("GradCAM", "grad_cam"),
        ("Grad-CAM++", "grad_cam_plus_plus"),
        ("GradCAMpp", "grad_cam_plus_plus"),
        ("SmoothGradCAMpp", "smoothgrad"),
        ("gradeint", "gradient"),
    ],
)
def test_a_method_by_another_name(name, ours):
    with pytest.raises(ValueError, match=rf"^no method '{re.escape(name)}' \(did you mean '{ours}'\?\)"):
        pyxai.explain(tiny.net(), IMAGES, name)


@pytest.mark.parametrize("name", ["FullGrad", "KPCA-CAM", "Occlusion", "kernel_shap", "LIME"])
def test_a_method_that_is_not_there(name):
    with pytest.raises(ValueError, match=r"^no method '.*' \(which pyxai does not have\); pyxai\.list_meth"):
        pyxai.Explainer(tiny.net(), name)


@pytest.mark.parametrize(
    ("method", "option", "told"),
    [
        ("integrated_gradients", "n_steps", r"did you mean 'steps'\?"),
        ("integrated_gradients", "baselines", r"did you mean 'baseline'\?"),
        ("integrated_gradients", "internal_batch_size", "`rows` of the Explainer"),
        ("integrated_gradients", "return_convergence_delta", "always has its `delta`"),
        ("smoothgrad", "nt_samples", r"did you mean 'samples'\?"),
        ("smoothgrad", "stdevs", r"did you mean 'noise_scale'\?"),
        ("smoothgrad", "nt_type", "smoothgrad_squared and vargrad"),
        ("expected_gradients", "n_samples", r"did you mean 'samples'\?"),
        ("lrp", "eps", r"did you mean 'epsilon'\?"),
        ("lrp", "canonizers", "no canonizer is needed"),
        ("saliency", "abs", r"heatmap\('abs_sum'\)"),
        ("gradient", "targets", "`target` says"),
        ("cartoonx", "learning_rte", r"did you mean 'learning_rate'\?"),
        ("deeplift", "Baseline", r"did you mean 'baseline'\?"),
        ("grad_cam", "target_layers", r"did you mean 'layer'\?"),
        ("grad_cam", "reshape_transform", r"did you mean 'grid'\?"),
    ],
)
def test_an_option_by_another_name(method, option, told):
    for ask in (
        lambda: pyxai.explain(tiny.net(), IMAGES, method, **{option: 1}),
        lambda: parse_options(method, [f"{option}=1"]),
    ):
        with pytest.raises(ValueError, match=rf"^{method}: no option `{option}` \(.*{told}.*\); it takes"):
            ask()
