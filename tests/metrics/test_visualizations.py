"""What layers and models see in pictures, against the model cut in two and numpy."""

import numpy as np
import pytest
import torch
from torch import nn

import pyxai
from pyxai.metrics import (
    among_best,
    classification_consistency,
    scores_of_attributions,
    visualization_correlation,
)
from tests import unfriendly
from tests.visualization.halves import Halves

ENDS = {"low": (-1.0, -2.0, 0.5), "high": (2.0, 1.0, 3.0)}


def halves():
    return Halves().double().eval()


def pictures(count=3):
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, 12, 12, generator=generator, dtype=torch.float64)


def points(shown):
    low, high = (torch.tensor(end, dtype=torch.float64)[:, None, None] for end in ENDS.values())
    return low + (high - low) * shown


def test_correlation_is_that_of_numpy_over_all_units():
    model, shown, weights = halves(), pictures(), torch.randn(3, 6, 6, 6)
    found = visualization_correlation(model, shown, weights, "first", **ENDS)
    values = model.first(points(shown)).detach()
    wanted = [np.corrcoef(values[i].flatten(), weights[i].double().flatten())[0, 1] for i in range(3)]
    np.testing.assert_allclose(found, wanted, rtol=1e-9)
    assert found.dtype == torch.float64
    own = visualization_correlation(model, shown, 3 * values - 1, "first", **ENDS)
    torch.testing.assert_close(own, torch.ones(3, dtype=torch.float64))


def test_correlation_is_nan_where_one_of_the_two_is_constant():
    weights = torch.randn(3, 6, 6, 6)
    weights[1] = 0.3
    found = visualization_correlation(halves(), pictures(), weights, "first")
    assert found.isnan().tolist() == [False, True, False]
    dark = halves()
    nn.init.constant_(dark.first[0].bias, -1e3)  # no ReLU is active
    assert visualization_correlation(dark, pictures(), torch.randn(3, 6, 6, 6), "first").isnan().all()


def test_the_weights_are_what_the_methods_of_layers_give():
    model, shown = unfriendly.build("FunctionalReLU"), unfriendly.images(2).sigmoid()
    values = pyxai.explain(model, shown, "layer_activation", layer="conv2").attribution
    found = visualization_correlation(model, shown, values, "conv2")
    torch.testing.assert_close(found, torch.ones(2, dtype=torch.float64))


def test_consistency_counts_the_best_classes():
    model, shown = halves(), pictures(40)
    scores = model(points(shown)).detach()
    for k in (1, 2, 3, 4):
        wanted = (scores.topk(k, 1).indices == 2).any(1).double()
        assert torch.equal(classification_consistency(model, shown, 2, k=k, **ENDS), wanted)
    usual = classification_consistency(model, shown, 2, **ENDS)
    assert torch.equal(usual, classification_consistency(model, shown, 2, k=1, **ENDS))


def test_five_classes_count_of_more_than_ten():
    scores = torch.arange(12.0).flip(0).repeat(12, 1)
    assert among_best(scores, torch.arange(12)).tolist() == [1.0] * 5 + [0.0] * 7
    assert among_best(scores[:, :10], [*range(10), 0, 0]).tolist() == [1.0] + [0.0] * 9 + [1.0] * 2


def test_equal_scores_share_the_places():
    scores = torch.tensor([[3.0, 1.0, 1.0, 1.0, 0.0]])
    found = [float(among_best(scores, c, 2)) for c in range(5)]
    assert found == [1.0, pytest.approx(1 / 3), pytest.approx(1 / 3), pytest.approx(1 / 3), 0.0]
    assert float(among_best(torch.zeros(1, 4), 3)) == 0.25


def test_any_callable_of_scores_will_do():
    found = classification_consistency(lambda images: images.mean((2, 3)), pictures(5), [0, 1, 2, 0, 1])
    wanted = (pictures(5).mean((2, 3)).argmax(1) == torch.tensor([0, 1, 2, 0, 1])).double()
    assert torch.equal(found, wanted)


def test_scores_of_attributions_run_on_from_the_layer():
    model, images, values = halves(), 4 * pictures() - 2, torch.randn(3, 6, 6, 6, dtype=torch.float64)
    found = scores_of_attributions(model, images, values, "first")
    torch.testing.assert_close(found, model.second(values).detach())
    own = pyxai.explain(model, images, "layer_activation", layer="first").attribution
    torch.testing.assert_close(scores_of_attributions(model, images, own, "first"), model(images).detach())


def test_scaled_attributions_have_the_norm_of_the_values():
    model, images = halves(), 4 * pictures() - 2
    own = model.first(images).detach()
    found = scores_of_attributions(model, images, 1e-5 * own, "first", scaled=True)
    torch.testing.assert_close(found, model(images).detach())
    nothing = scores_of_attributions(model, images, 0 * own, "first", scaled=True)
    torch.testing.assert_close(nothing, model.second(0 * own).detach())


def test_batch_mates_change_no_bit():
    model, shown, weights = halves().float(), pictures().float(), torch.randn(3, 6, 6, 6)
    together = visualization_correlation(model, shown, weights, "first", rows=2)
    alone = [visualization_correlation(model, *part, "first", rows=2) for part in rows_of(shown, weights)]
    assert torch.equal(together, torch.cat(alone))
    together = scores_of_attributions(model, shown, weights, "first", rows=2)
    alone = [scores_of_attributions(model, *part, "first", rows=2) for part in rows_of(shown, weights)]
    assert torch.equal(together, torch.cat(alone))


def rows_of(*tensors):
    return zip(*(tensor.split(1) for tensor in tensors), strict=True)


def test_no_pictures():
    none = torch.zeros(0, 3, 12, 12, dtype=torch.float64)
    assert visualization_correlation(halves(), none, torch.zeros(0, 6, 6, 6), "first").shape == (0,)
    assert classification_consistency(halves(), none, 1).shape == (0,)
    assert scores_of_attributions(halves(), none, torch.zeros(0, 6, 6, 6), "first").shape == (0, 4)


def test_the_model_comes_back_as_it_was():
    model = halves()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    visualization_correlation(model, pictures(), torch.randn(3, 6, 6, 6), "first")
    classification_consistency(model, pictures(), 0)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module.training or module._forward_hooks for module in model.modules())


WEIGHTS = torch.zeros(3, 6, 6, 6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: visualization_correlation(m, 2 * pictures(), WEIGHTS, "first"),
            r"`pictures` must lie in \[0, 1\], got other values in row 0, 1, 2",
        ),
        (
            lambda m: visualization_correlation(m, pictures().float(), WEIGHTS, "first"),
            "`pictures` must have the model's dtype",
        ),
        (
            lambda m: visualization_correlation(m, pictures(), WEIGHTS[:, :5], "first"),
            r"`weights` must have shape \(N, 6, 6, 6\), as the layer 'first' has, got \(3, 5, 6, 6\)",
        ),
        (
            lambda m: visualization_correlation(m, pictures(), WEIGHTS[:2], "first"),
            r"`weights` must hold values for 3 pictures, got \(2, 6, 6, 6\)",
        ),
        (
            lambda m: visualization_correlation(m, pictures(), WEIGHTS / 0, "first"),
            "`weights` must be finite, got NaN or infinity in row 0, 1, 2",
        ),
        (lambda m: visualization_correlation(m, pictures(), WEIGHTS, "third"), "'third'"),
        (
            lambda m: classification_consistency(m, pictures(), None),
            "`target` must be one class for each picture, got None",
        ),
        (
            lambda m: classification_consistency(m, pictures(), "top2"),
            "`target` must be one class for each picture, got 'top2'",
        ),
        (
            lambda m: classification_consistency(m, pictures(), 4),
            r"`target` must be a class in \[0, 4\), got 4",
        ),
        (
            lambda m: classification_consistency(m, pictures(), 0, k=0),
            "`k` must be a positive whole number, got 0",
        ),
        (
            lambda m: classification_consistency(lambda images: images.mean((1, 2, 3)), pictures(), 0),
            "`model` must have several classes, got 1",
        ),
        (
            lambda m: scores_of_attributions(m, pictures(), WEIGHTS[..., :3], "first"),
            r"`attributions` must have shape \(N, 6, 6, 6\)",
        ),
        (
            lambda m: among_best(torch.zeros(3), 0),
            r"`scores` must have shape \(N, K\) with K > 1, got \(3,\)",
        ),
    ],
)
def test_messages(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call(halves())
