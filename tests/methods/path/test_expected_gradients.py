"""Expected Gradients against a loop over the same draws, and what they converge to."""

import torch

import pyxai
from pyxai import ops
from tests import unfriendly
from tests.methods import oracle


def test_equals_a_loop_over_the_same_draws():
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(2)
    starts = unfriendly.images(5)[2:]
    ids, target, samples = torch.tensor([9, -3]), torch.tensor([1, 0]), 7
    explainer = pyxai.Explainer(
        model, "expected_gradients", samples=samples, baseline=starts, noise_scale=0.1, seed=4
    )
    found = explainer(images, target, ids)
    number = torch.arange(samples)
    scores, reached = model(images), model(starts)
    for row in range(2):
        key = torch.full_like(number, ids[row])
        which = (3 * ops.uniform_noise(key, number, ops.derive_seed(4, "baseline"), (1,))[:, 0]).long()
        alpha = ops.uniform_noise(key, number, ops.derive_seed(4, "position"), (1,), torch.float64)[:, 0]
        noise = ops.normal_noise(key, number, ops.derive_seed(4, "noise"), (3, 16, 16), torch.float64)
        ends = images[row] + 0.1 * noise
        terms = torch.stack(
            [
                (end - starts[k]) * oracle.gradient(model, starts[k] + a * (end - starts[k]), target[row])
                for end, k, a in zip(ends, which, alpha, strict=True)
            ]
        )
        assert oracle.relative_l1(found.attribution[row], terms.mean(0)) <= 1e-11
        assert oracle.relative_l1(found.standard_error[row], terms.std(0) / samples**0.5) <= 1e-9
        expected = scores[row, target[row]] - reached[which, target[row]].mean()
        assert torch.allclose(found.delta[row], terms.mean(0).sum() - expected, rtol=1e-9)


def test_many_draws_from_one_baseline_tend_to_integrated_gradients():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)
    path = pyxai.explain(model, images, "integrated_gradients", 0, steps=200).attribution
    few, many = (
        pyxai.explain(model, images, "expected_gradients", 0, samples=s).attribution for s in (10, 1000)
    )
    assert oracle.relative_l1(many, path) < 0.1 < 0.6 * oracle.relative_l1(few, path) + 0.1
    assert oracle.relative_l1(many, path) < 0.3 * oracle.relative_l1(few, path)


def test_baselines_of_each_image_and_of_all():
    model, images = unfriendly.build("Gate"), unfriendly.images(2)
    own = torch.stack([images * 0.5, images * 0.5], 1)
    shared = (images * 0.5)[:1].expand(3, -1, -1, -1)
    each = pyxai.explain(model, images, "expected_gradients", 0, baseline=own, samples=4).attribution
    every = pyxai.explain(model, images, "expected_gradients", 0, baseline=shared, samples=4).attribution
    assert oracle.relative_l1(each[0], every[0]) <= 1e-12 and not torch.allclose(each[1], every[1])
