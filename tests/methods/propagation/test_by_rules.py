"""What the methods by a composite of rules share: where relevance starts, what biases kept, one walk."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods.propagation.by_rules import shares
from pyxai.propagation.walk import Tape
from tests import unfriendly

METHODS = {"lrp": {"composite": "epsilon_plus"}, "deep_taylor": {}, "excitation_backprop": {}}


def linear(bias):
    """One dense layer, whose relevance is known in closed form."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(4, 2)).double().eval()
    model[1].weight.data = torch.tensor([[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 1.0]], dtype=torch.float64)
    model[1].bias.data = torch.tensor([bias, 0.0], dtype=torch.float64)
    return model, torch.tensor([1.0, 0.5, 0.25, 2.0], dtype=torch.float64).reshape(1, 1, 2, 2)


def test_what_the_bias_kept_is_not_expected_of_the_pixels():
    model, images = linear(3.0)
    found = pyxai.explain(model, images, "lrp", 0, composite="epsilon", epsilon=0.0)
    assert torch.allclose(found.score, torch.tensor([13.75], dtype=torch.float64))
    assert torch.allclose(found.attribution.sum(), found.score - 3)
    assert found.residual.max() <= 1e-12 and found.delta.abs().max() <= 1e-12


def test_relevance_starts_with_the_score_or_with_one():
    model, images = linear(0.0)
    score, one = (
        pyxai.explain(model, images, method, 0) for method in ("deep_taylor", "excitation_backprop")
    )
    assert torch.allclose(score.attribution.sum(), score.score)
    assert torch.allclose(one.attribution.sum(), torch.ones((), dtype=torch.float64))
    assert torch.equal(one.score, score.score)


@pytest.mark.parametrize("method", METHODS)
def test_several_targets_are_each_as_if_alone(method):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    explainer = pyxai.Explainer(model, method, **METHODS[method])
    both = explainer(images, torch.tensor([[1, 4], [0, 4]]))
    for t, target in enumerate(([1, 0], [4, 4])):
        alone = explainer(images, target)
        assert torch.equal(alone.attribution, both.attribution[:, t])
        assert torch.equal(alone.delta, both.delta[:, t])
    assert both.evaluations.tolist() == [1, 1]


@pytest.mark.parametrize("method", METHODS)
def test_every_method_has_a_report_that_adds_up(method):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    explainer = pyxai.Explainer(model, method, **METHODS[method])
    report, found = explainer.report(images, 1), explainer(images, 1)
    start = torch.ones(2, dtype=torch.float64) if method == "excitation_backprop" else found.score
    assert torch.allclose(report.layers[0].arrived, start)
    assert torch.allclose(report.layers[-1].passed, found.attribution.sum((1, 2, 3)))


def test_shares_of_all_steps_are_added_up():
    tape = Tape({})
    logits = torch.zeros(3, 5)
    assert shares(tape, logits).tolist() == [0, 0, 0] and shares(tape, logits).dtype == torch.float64
    for step in ("first", "second", "first"):
        tape.absorb(step, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64))
    assert shares(tape, logits).tolist() == [3, 6, 9]


def test_one_walk_is_made_for_a_method(monkeypatch):
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(2)
    explainer = pyxai.Explainer(model, "lrp")
    made, prepare = [], type(explainer.method)._prepare

    def counted(method, executor):
        made.append(method)
        return prepare(method, executor)

    monkeypatch.setattr(type(explainer.method), "_prepare", counted)
    explainer(images, 1), explainer(images, 2), explainer.report(images, 1)
    assert len(made) == 1
