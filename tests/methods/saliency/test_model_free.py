"""A function of images as a method: its options, its maps, its rows."""

import inspect

import pytest
import torch

import pyxai
from pyxai import saliency
from pyxai.methods import Needs, get_method


def test_every_method_is_in_the_table():
    for name in pyxai.list_methods("saliency"):
        method = get_method(name)
        parameters = list(inspect.signature(getattr(saliency, name)).parameters.values())[1:]
        assert (method.family, method.needs, method.per_channel) == ("saliency", Needs.NOTHING, False)
        assert {option.name: option.default for option in method.options().values()} == {
            parameter.name: parameter.default for parameter in parameters
        }
        assert method.summary()


def test_explain_is_the_function():
    images = torch.rand(3, 3, 20, 24)
    explanation = pyxai.explain(None, images, "spectral_residual", size=16, sigma=2.0)
    expected = saliency.spectral_residual(images, size=16, sigma=2.0)
    torch.testing.assert_close(explanation.heatmap(), expected)
    assert explanation.attribution.shape == (3, 1, 20, 24)
    assert explanation.target is explanation.score is explanation.residual is explanation.evaluations is None
    assert explanation[1].heatmap().shape == (1, 20, 24)
    assert explanation.plot().width > 500
    assert pyxai.explain(None, images[:0], "spectral_residual").attribution.shape == (0, 1, 20, 24)


def test_batch_mates_change_no_bit():
    images = torch.rand(5, 3, 20, 24)
    explainer = pyxai.Explainer(None, "spectral_residual", rows=4)
    whole = explainer(images).attribution
    for row in range(5):
        assert torch.equal(explainer(images[row : row + 1]).attribution[0], whole[row])


def test_a_method_of_a_model_needs_one():
    with pytest.raises(TypeError, match="model"):
        pyxai.explain(None, torch.rand(1, 3, 8, 8), "gradient")


def test_options_are_checked_before_any_work():
    with pytest.raises(ValueError, match=r"^entropy: `radius` must be at most 127, got 300"):
        pyxai.Explainer(None, "entropy", radius=300)
