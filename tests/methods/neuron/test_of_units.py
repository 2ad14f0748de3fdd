"""Units in place of a class: no target, no class, their own score."""

import pytest
import torch

import pyxai
from tests.methods.neuron.networks import IMAGES, inside, part, smooth

METHODS = ("neuron_gradient", "neuron_integrated_gradients")


@pytest.mark.parametrize("method", METHODS)
def test_the_score_is_the_sum_of_the_units(method):
    explainer = pyxai.Explainer(smooth(), method, layer="hidden", unit="1:4")
    found = explainer(IMAGES)
    assert torch.allclose(
        found.score, part(inside(smooth(), IMAGES, "hidden")[0], (slice(1, 4),)), rtol=1e-12
    )
    assert found.target.tolist() == [-1, -1] and found.output_kind == "units"
    assert found.target_name == explainer.info()["units"] == "hidden, unit 1:4"


@pytest.mark.parametrize("method", METHODS)
def test_there_is_no_target(method):
    with pytest.raises(
        ValueError, match="`target` must be left out: no class is explained, but hidden, unit 1, got 2"
    ):
        pyxai.explain(smooth(), IMAGES, method, 2, layer="hidden", unit=1)


@pytest.mark.parametrize("rows", [1, 4])
def test_rows_of_a_call_change_rounding_only(rows):
    maps = [
        pyxai.explain(smooth(), IMAGES, "neuron_gradient", layer="norm", unit=1, rows=n).attribution
        for n in (rows, 3)
    ]
    assert torch.allclose(*maps, rtol=1e-10, atol=1e-14)
