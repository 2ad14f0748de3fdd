"""Each check finds a map that is wrong, and passes one that is right."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import pyxai
from tests import zoo
from tests.sweep import checks, weights
from tests.sweep.checks import CHECKS, SINGLE, Subject, computes_in_single, is_constant, judge

BY_METHOD = {check.method: check for check in CHECKS}
SIZE = 8


class Plain(nn.Module):
    """A convolution, BatchNorm, ReLU, a residual sum and scores, all with biases."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.second, self.scores = nn.Conv2d(6, 6, 3, padding=1), nn.Linear(6, 5)

    def forward(self, x):
        x = F.relu(self.norm(self.first(x)))
        x = x + self.inner(self.second(x))
        return self.scores(x.mean((2, 3)))

    def inner(self, x):
        return F.relu(x)


class Narrow(Plain):
    """The same, which computes in single precision inside."""

    def inner(self, x):
        return F.relu(x.float()).double()


class TableInSingle(Plain):
    """The same in double precision, with a table of numbers that went through single precision."""

    def inner(self, x):
        return F.relu(x + self.second.bias.float().double()[:, None, None])


def subject(kind=Plain):
    torch.manual_seed(0)
    model = kind().double().eval().requires_grad_(False)
    weights.draw(model, SIZE)
    images, baseline = zoo.photographs(3, SIZE, 1).double(), zoo.photographs(1, SIZE, 2).double()[0]
    return Subject(model, images, torch.tensor([3, 1, 4]), baseline, computes_in_single(model, images))


@pytest.fixture
def answers(monkeypatch):
    """Lets explainers give other maps: ``answers(change)``, of maps and the number of images of a call."""

    def give(change):
        class Changed(pyxai.Explainer):
            def __call__(self, images, target):
                found = super().__call__(images, target)
                return dataclasses.replace(found, attribution=change(found.attribution))

        monkeypatch.setattr(checks.pyxai, "Explainer", Changed)

    return give


@pytest.fixture
def reports(monkeypatch):
    """Lets explainers give other reports: ``reports(change)`` of each layer's."""

    def give(change):
        class Changed(pyxai.Explainer):
            def report(self, images, target):
                found = super().report(images, target)
                return dataclasses.replace(found, layers=[change(layer) for layer in found.layers])

        monkeypatch.setattr(checks.pyxai, "Explainer", Changed)

    return give


def one_pixel(maps):
    changed = maps.clone()
    changed[:, 0, 2, 3] += 1e-5 * maps.abs().amax((1, 2, 3))
    return changed


def last_of_three(maps):
    changed = maps.clone()
    changed[2:] *= 1 + 1e-4
    return changed


def moved(maps):
    """The same sum in other places."""
    return maps.flip(-1)


WRONG = {
    "too large": lambda maps: maps * (1 + 1e-5),
    "one pixel": one_pixel,
    "of a single image": lambda maps: maps * (1 + 1e-5 * (len(maps) == 1)),
    "of the last image of three": last_of_three,
    "not a number": lambda maps: maps * torch.nan,
    "nothing": lambda maps: maps * 0,
    "the wrong way": lambda maps: -maps,
    "another image's": lambda maps: maps.roll(1, 0) if len(maps) > 1 else maps,
}


@pytest.mark.parametrize("method", BY_METHOD)
def test_right_maps_work(method):
    outcome = judge(BY_METHOD[method], subject())
    assert outcome.kind == "works" and set(outcome.distances) == {1, 2, 3}
    assert max(outcome.distances.values()) < 1e-12


@pytest.mark.parametrize("method", BY_METHOD)
@pytest.mark.parametrize("fault", WRONG)
def test_wrong_maps_differ(method, fault, answers):
    answers(WRONG[fault])
    outcome = judge(BY_METHOD[method], subject())
    assert outcome.kind == "differs" and outcome.says.startswith("by ")


@pytest.mark.parametrize("method", sorted(set(BY_METHOD) - {"deeplift"}))
def test_maps_of_the_right_sum_in_the_wrong_places_differ(method, answers):
    """But of DeepLIFT, whose axiom says no more than the sum."""
    answers(moved)
    assert judge(BY_METHOD[method], subject()).kind == "differs"


def test_the_distance_says_for_how_many_images(answers):
    answers(WRONG["of the last image of three"])
    outcome = judge(BY_METHOD["gradient"], subject())
    assert outcome.distances[3] == pytest.approx(1e-4, rel=1e-3) and outcome.distances[2] < 1e-12
    assert outcome.says == "by 1.0e-04 for 3 images"


def test_relevance_that_no_reason_accounts_for_differs(reports):
    """A layer that loses relevance without saying why has it in ``lost``, which any sum would fit."""

    def silent(layer):
        return dataclasses.replace(layer, lost=layer.lost + layer.bias, bias=layer.bias * 0)

    reports(silent)
    assert judge(BY_METHOD["lrp"], subject()).kind == "differs"


@pytest.mark.parametrize("method", ["gradient", "deeplift"])
def test_guided_maps_are_not_those_of_other_methods(method, monkeypatch):
    mine, other = BY_METHOD["guided_backprop"], BY_METHOD[method]
    swapped = dataclasses.replace(mine, method=method, options=other.options)
    assert judge(swapped, subject()).kind == "differs"


# --- networks that compute in single precision --------------------------------------------------------------


def test_casts_are_seen():
    assert subject(Narrow).single
    assert not subject(Plain).single
    assert not subject(TableInSingle).single


@pytest.mark.parametrize("method", BY_METHOD)
def test_single_precision_is_compared_by_its_own_bound(method, answers):
    narrow = subject(Narrow)
    assert judge(BY_METHOD[method], narrow).kind == "works"
    answers(lambda maps: maps * (1 + 1e-3))
    assert judge(BY_METHOD[method], narrow).kind == "differs"


def test_wide_networks_are_not_forgiven_what_narrow_ones_are(answers):
    answers(lambda maps: maps * (1 + SINGLE / 10))
    assert judge(BY_METHOD["gradient"], subject(Narrow)).kind == "works"
    assert judge(BY_METHOD["gradient"], subject(Plain)).kind == "differs"


# --- answers that are none ----------------------------------------------------------------------------------


class Sorted(Plain):
    """An operation that has no rule."""

    def inner(self, x):
        return x.sort(1).values


def test_a_refusal_names_the_operation():
    outcome = judge(BY_METHOD["deeplift"], subject(Sorted))
    assert outcome.kind == "refused" and "`sort`" in outcome.says


@pytest.mark.parametrize(
    "error, kind",
    [
        (ValueError("gradient: no rule for the operation `sort`"), "refused"),
        (ValueError("gradient: `model` must be capturable,\nbut"), "fails"),
        (ValueError("gradient: something"), "fails"),
        (ValueError("`model` must be capturable"), "fails"),
        (RuntimeError("gradient: `model` must be capturable"), "fails"),
        (KeyError("node"), "fails"),
    ],
)
def test_only_a_line_of_the_documented_form_is_a_refusal(error, kind, answers):
    def raise_it(maps):
        raise error

    answers(raise_it)
    assert judge(BY_METHOD["gradient"], subject()).kind == kind


def test_a_model_that_runs_as_it_is_is_told():
    class Branching(Plain):
        def inner(self, x):
            return F.relu(x) if x.sum() > 0 else F.relu(-x)

    outcome = judge(BY_METHOD["gradient"], subject(Branching))
    assert outcome.kind == "works" and outcome.as_it_is.startswith("torch.export: ")
    assert judge(BY_METHOD["lrp"], subject(Branching)).kind == "refused"


def test_constant_scores_are_seen():
    told = subject()
    assert not is_constant(told.model, told.images)
    nn.init.zeros_(told.model.scores.weight)
    assert is_constant(told.model, told.images)


def test_a_single_image_is_doubled():
    """So that its gradient is that of a row of two, whatever torch makes of batches of one."""
    told = subject()
    alone = checks.own_gradient(told, 1)
    assert alone.shape == (1, 3, SIZE, SIZE)
    torch.testing.assert_close(alone, checks.own_gradient(told, 2)[:1], rtol=1e-12, atol=0)
