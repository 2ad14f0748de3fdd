"""A model as metrics ask it: how many rows its calls have, and what is said of its output."""

import warnings

import pytest
import torch
from torch import nn

from pyxai.metrics import (
    classification_consistency,
    deletion,
    scores_of_attributions,
    visualization_correlation,
)
from pyxai.metrics.scoring import check_options, executor_of
from tests.visualization.halves import Halves

IMAGES = torch.rand(3, 3, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
VALUES = torch.rand(3, 6, 6, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Ensemble(nn.Module):
    """Probabilities that come from no softmax which could be taken off."""

    def __init__(self):
        super().__init__()
        self.model = Halves()

    def forward(self, images):
        scores = self.model(images)
        return (scores.softmax(1) + (scores / 2).softmax(1)) / 2


ENSEMBLE = Ensemble().double().eval()


def of_answers():
    deletion(ENSEMBLE, IMAGES, torch.rand(3, 12, 12), steps=2)


def of_ranks():
    classification_consistency(ENSEMBLE, IMAGES, 1)


def of_a_layer():
    scores_of_attributions(ENSEMBLE, IMAGES, VALUES, "model.first")


@pytest.mark.parametrize("metric", [of_answers, of_ranks, of_a_layer])
def test_a_doubt_about_the_output_is_said_once_to_who_calls_the_metric(metric):
    with pytest.warns(UserWarning, match="they come from no softmax that can be taken off") as said:
        metric()
    assert [warning.filename for warning in said] == [__file__]


def test_nothing_is_said_where_no_score_is_read():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        visualization_correlation(ENSEMBLE, IMAGES, VALUES, "model.first")


@pytest.mark.parametrize(("rows", "total", "wanted"), [(None, 5, 5), (None, 0, 1), (2, 5, 2)])
def test_calls_are_filled_by_what_there_is(rows, total, wanted):
    assert executor_of(Halves().double().eval(), IMAGES, None, "auto", rows, total).rows == wanted


def test_layers_can_be_read():
    model = Halves().double().eval()
    executor = executor_of(model, IMAGES, None, "auto", None, 3, layers=("first",))
    assert executor.layer == "first"
    torch.testing.assert_close(
        executor.activations(IMAGES, ("first",))["first"], model.first(IMAGES).detach()
    )


def test_options_are_checked():
    with pytest.raises(ValueError, match="`output_kind` must be one of"):
        check_options("logits", None)
    with pytest.raises(ValueError, match="`rows` must be a positive whole number, got 0"):
        check_options("auto", 0)
    with pytest.raises(ValueError, match="`model` must be in evaluation mode"):
        executor_of(nn.Dropout().train(), IMAGES, None, "auto", None, 3)
