"""A layer by its name: whatever returns a tensor will do, and what will not is said in one line."""

import copy

import pytest
import torch
from torch import nn

import pyxai
from tests.methods.neuron.networks import BESIDE, IMAGES, THROUGH, Tangled, rectified

METHODS = [name for name in pyxai.list_methods("neuron") if name != "layer_activation"]


def quick(method, **options):
    """Options with few steps."""
    known = pyxai.methods.get_method(method).options()
    return options | {name: few for name, few in {"steps": 2, "effort": 0.001}.items() if name in known}


def explained(method, model=None, **options):
    return pyxai.explain(model or rectified(), IMAGES, method, **quick(method, **options))


@pytest.mark.parametrize("method", pyxai.list_methods("neuron"))
@pytest.mark.parametrize("layer", [*THROUGH, *BESIDE])
def test_layers_of_all_sorts(method, layer):
    found = explained(method, layer=layer)
    own = pyxai.explain(rectified(), IMAGES, "layer_activation", layer=layer).attribution.shape
    assert found.attribution.shape == (own if pyxai.methods.get_method(method).of_layer else IMAGES.shape)
    assert bool(found.attribution.isfinite().all()) and found.attribution.abs().sum() > 0


def test_auto_is_the_last_map():
    explainer = pyxai.Explainer(rectified(), "layer_gradient_x_activation")
    explainer(IMAGES)
    (program,) = explainer.info()["programs"]
    assert program["layers"] == ["pool#2"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("hiden", r"`layer` must name a module of the model, .* got 'hiden' \(did you mean 'hidden'\?\)"),
        (
            "twice#3",
            "`layer` must name a module that the model calls, got 'twice#3', whose module is called 2 times",
        ),
        ("aside", "`layer` must name a module that the scores depend on, got 'aside'"),
        ("", "`layer` must be the name of a module, got ''"),
    ],
)
def test_a_layer_that_will_not_do(method, layer, message):
    class Aside(Tangled):
        def __init__(self):
            super().__init__(nn.ReLU(inplace=True))
            self.aside = nn.Conv2d(3, 2, 1)

        def forward(self, x):
            self.aside(x)
            return super().forward(x)

    model = Aside().double().eval()
    with pytest.raises(ValueError, match=f"^{method}: {message}$"):
        explained(method, model, layer=layer)


@pytest.mark.parametrize("method", METHODS)
def test_the_model_comes_back_as_it_was_also_when_it_raises(method):
    class Breaks(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.calls, self.most = rectified(), 0, 10**9

        def forward(self, x):
            scores = self.inner(x if x.isfinite().all() else -x)  # which runs as it is
            self.calls += 1
            if self.calls > self.most:
                raise RuntimeError("broken")
            return scores

    model = Breaks().eval()
    if pyxai.methods.get_method(method).needs is pyxai.methods.Needs.GRAPH:
        with pytest.raises(ValueError, match="must be capturable"):
            explained(method, model, layer="inner.norm")
    else:
        explainer = pyxai.Explainer(model, method, **quick(method, layer="inner.norm"))
        explainer(IMAGES)
        model.most, kept = model.calls, copy.deepcopy(model.state_dict())
        with pytest.raises(RuntimeError, match="broken"):
            explainer(IMAGES)
        assert all(torch.equal(value, kept[name]) for name, value in model.state_dict().items())
    for module in model.modules():
        assert not module._forward_hooks and not module._backward_hooks and not module._forward_pre_hooks
    assert all(parameter.grad is None for parameter in model.parameters())
