"""Integrated Gradients: against a plain loop, its axioms, and what a tolerance promises."""

from typing import get_args

import pytest
import torch
from torch import nn

import pyxai
from pyxai.methods.path.line import FIRST_STEPS, MOST_STEPS, REFINEMENT
from pyxai.methods.path.quadrature import Rule, quadrature
from tests import unfriendly, zoo
from tests.methods import oracle

METHOD = "integrated_gradients"


@pytest.mark.parametrize("rule", get_args(Rule))
def test_equals_a_plain_loop(rule):
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(4)
    images, start = images[:3], images[3]  # no constant baseline: max-pooling breaks its ties as it likes
    found = pyxai.explain(model, images, METHOD, [1, 0, 4], rule=rule, steps=7, baseline=start)
    for image, map_, target in zip(images, found.attribution, [1, 0, 4], strict=True):
        plain = oracle.integrated_gradients(model, image, start, target, *quadrature(rule, 7))
        assert oracle.relative_l1(map_, plain) <= 1e-12


@pytest.mark.slow
def test_equals_a_plain_loop_where_the_path_is_followed_behind_the_stem():
    ((_, model, images),) = zoo.models(["resnet18"], n=2, small=True, dtype=torch.float64)
    explainer = pyxai.Explainer(model, METHOD, steps=9, baseline="mean")
    found = explainer(images, [3, 999])
    assert explainer.info()["programs"][0]["affine_stem"] is True
    for image, map_, target in zip(images, found.attribution, [3, 999], strict=True):
        start = image.mean((1, 2), keepdim=True).expand_as(image)
        plain = oracle.integrated_gradients(model, image, start, target, *quadrature("midpoint", 9))
        assert oracle.relative_l1(map_, plain) <= 1e-12


def test_linear_model_is_exact_in_one_step():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5)).double()
    images = unfriendly.images(4)
    found = pyxai.explain(model, images, METHOD, 2, steps=1)
    assert torch.allclose(found.attribution.flatten(1), images.flatten(1) * model[1].weight[2], rtol=1e-13)
    assert float(found.residual.max()) <= 1e-12


@pytest.mark.parametrize("name", [name for name in unfriendly.NAMES if name != "LogSoftmaxOutput"])
def test_completeness_on_unfriendly_nets(name):
    """The residual falls with the steps, and the sum reaches f(image) - f(baseline)."""
    model, images = unfriendly.build(name), unfriendly.images(3)
    start = 0.5 * images.roll(1, 0)  # not black: some of them divide by the spread of their input
    target = model(images).argmax(1)
    explained = {"baseline": start, "rule": "gauss_legendre"}
    coarse, fine = (pyxai.explain(model, images, METHOD, steps=steps, **explained) for steps in (4, 300))
    gained = (model(images) - model(start)).gather(1, target[:, None])[:, 0]
    assert torch.allclose(fine.attribution.sum((1, 2, 3)) - fine.delta, gained, rtol=1e-10)
    # by the map's size: what the residual is measured by, f(image) - f(baseline), may be tiny here
    gap, before = (part.delta.abs() / part.attribution.abs().sum((1, 2, 3)) for part in (fine, coarse))
    assert float(gap.max()) <= 2e-3
    assert float(gap.mean()) <= max(float(before.mean()), 1e-12)


def test_delta_is_the_signed_gap_by_what_was_expected():
    model, images = unfriendly.build("Gate"), unfriendly.images(3)
    found = pyxai.explain(model, images, METHOD, 1, steps=3)
    expected = (model(images) - model(torch.zeros_like(images)))[:, 1]
    delta = found.attribution.sum((1, 2, 3)) - expected
    assert torch.allclose(found.delta, delta, rtol=1e-9)
    floor = 1e-3 * found.attribution.abs().sum((1, 2, 3))
    assert torch.allclose(found.residual, delta.abs() / torch.maximum(expected.abs(), floor), rtol=1e-9)


def test_residual_of_an_image_that_is_its_baseline_is_zero():
    model, images = unfriendly.build("Gate"), unfriendly.images(2)
    found = pyxai.explain(model, images, METHOD, 1, steps=3, baseline=images)
    assert float(found.attribution.abs().max()) == 0 and found.residual.tolist() == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("tolerance", [0.2, 0.05])
def test_tolerance_bounds_the_error_of_the_map(tolerance):
    ((_, model, images),) = zoo.models(["resnet20"], n=3, small=True, dtype=torch.float64)
    found = pyxai.explain(model, images, METHOD, tolerance=tolerance)
    dense = pyxai.explain(model, images, METHOD, found.target, steps=513).attribution
    errors = [oracle.relative_l1(ours, theirs) for ours, theirs in zip(found.attribution, dense, strict=True)]
    reached = found.evaluations < MOST_STEPS
    assert bool(reached.any()) and all(
        error <= tolerance for error, ok in zip(errors, reached, strict=True) if ok
    )
    levels = {FIRST_STEPS * REFINEMENT**power for power in range(1, 5)}
    assert set(found.evaluations.tolist()) <= levels


def test_tolerance_map_is_the_midpoint_rule_of_the_evaluations_spent():
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(4)
    found = pyxai.explain(model, images, METHOD, tolerance=0.05)
    for row in range(4):
        fixed = pyxai.explain(
            model, images[row : row + 1], METHOD, found.target[row], steps=int(found.evaluations[row])
        )
        assert oracle.relative_l1(found.attribution[row], fixed.attribution[0]) <= 1e-12


def test_a_tolerance_that_is_not_reached_is_said_with_the_error_that_is_left():
    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(3)
    with pytest.warns(UserWarning, match=f"not within `tolerance` at {MOST_STEPS} points.*error_estimate"):
        found = pyxai.explain(model, images, METHOD, [[1, 0]] * 3, tolerance=1e-7)
    estimate = found.extras["error_estimate"]
    assert estimate.shape == (3, 2) and (found.evaluations == MOST_STEPS).all() and (estimate > 1e-7).all()
    true = pyxai.explain(model, images, METHOD, [[1, 0]] * 3, steps=9 * MOST_STEPS)
    assert "error_estimate" not in true.extras
    apart, size = ((true.attribution - other).abs().sum((2, 3, 4)) for other in (found.attribution, 0))
    apart = apart / size
    assert (apart <= 2 * estimate).all() and (apart >= estimate / 100).all()


def test_images_leave_the_work_one_by_one():
    """An image on which the model is linear along the path stops at once; its hard batch mate goes on."""
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(2)
    easy = torch.full_like(images[:1], 1e-9)
    found = pyxai.explain(model, torch.cat([easy, images]), METHOD, 0, tolerance=0.01)
    assert (
        found.evaluations[0] == FIRST_STEPS * REFINEMENT
        and found.evaluations[1:].min() > found.evaluations[0]
    )


def test_several_baselines_give_the_mean_of_their_maps():
    model, images = unfriendly.build("Gate"), unfriendly.images(2)
    starts = torch.stack([torch.zeros(3, 16, 16), torch.full((3, 16, 16), 0.7)]).double()
    both = pyxai.explain(model, images, METHOD, 0, steps=5, baseline=starts.unsqueeze(0))
    single = [pyxai.explain(model, images, METHOD, 0, steps=5, baseline=start) for start in starts]
    assert oracle.relative_l1(both.attribution, (single[0].attribution + single[1].attribution) / 2) <= 1e-12
    assert torch.allclose(both.delta, (single[0].delta + single[1].delta) / 2)
    assert both.evaluations.tolist() == [10, 10]


def test_noisy_baselines_start_around_the_clean_one_and_stay_complete():
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    found = pyxai.explain(model, images, METHOD, 0, steps=60, samples=3, noise_scale=0.3)
    clean = pyxai.explain(model, images, METHOD, 0, steps=60)
    assert float(found.residual.max()) <= 1e-3 and found.evaluations.tolist() == [180, 180]
    assert 1e-4 < oracle.relative_l1(found.attribution, clean.attribution) < 1


def test_memory_of_many_steps_is_that_of_few():
    """Points exist one model call at a time: the largest tensor made has as many rows as a call."""
    from torch.utils._python_dispatch import TorchDispatchMode

    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor):
                Largest.elements = max(Largest.elements, result.numel())
            return result

    model, images = unfriendly.build("FunctionalReLU"), unfriendly.images(1)
    largest = []
    for steps in (8, 256):
        explainer = pyxai.Explainer(model, METHOD, steps=steps, rows=8)
        explainer(images)
        Largest.elements = 0
        with Largest():
            explainer(images)
        largest.append(Largest.elements)
    assert largest[0] == largest[1] > 0
