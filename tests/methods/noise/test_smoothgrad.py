"""SmoothGrad, its square and its variance: against loops over the same draws, and in closed form."""

import pytest
import torch
from torch import nn

import pyxai
from pyxai import ops
from pyxai.methods import Needs, get_method
from tests import unfriendly, zoo
from tests.methods import oracle


def draws(images, ids, samples, scale, seed):
    """Noisy copies (N, samples, C, H, W), by the definition."""
    spread = scale * (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))
    number = torch.arange(samples)
    return torch.stack(
        [
            image
            + width
            * ops.normal_noise(torch.full_like(number, key), number, seed, tuple(image.shape), images.dtype)
            for image, key, width in zip(images, ids.tolist(), spread, strict=True)
        ]
    )


@pytest.mark.parametrize("of", ["gradient", "saliency", "input_x_gradient"])
def test_mean_square_and_variance_of_any_method(of):
    model, images = unfriendly.build("OverlappingPools"), unfriendly.images(3)
    ids, target = torch.tensor([5, -1, 2**40]), torch.tensor([0, 1, 2])
    noisy = draws(images, ids, 6, 0.15, seed=3)
    maps = torch.stack(
        [pyxai.explain(model, noisy[:, draw].contiguous(), of, target).attribution for draw in range(6)]
    )
    expected = {
        "smoothgrad": (maps.mean(0), maps.std(0) / 6**0.5),
        "smoothgrad_squared": (maps.square().mean(0), maps.square().std(0) / 6**0.5),
        "vargrad": (maps.var(0, correction=0), maps.var(0, correction=0) * (2 / 5) ** 0.5),
    }
    for method, (mean, error) in expected.items():
        found = pyxai.Explainer(model, method, of=of, samples=6, seed=3)(images, target, ids)
        assert oracle.relative_l1(found.attribution, mean) <= 1e-11
        assert oracle.relative_l1(found.standard_error, error) <= 1e-9
        assert found.evaluations.tolist() == [6] * 3


def test_smoothgrad_behind_the_stem_equals_the_loop():
    ((_, model, images),) = zoo.models(["resnet18"], n=2, small=True, dtype=torch.float64)
    explainer = pyxai.Explainer(model, "smoothgrad", samples=7)
    found = explainer(images, [1, 2])
    assert explainer.info()["programs"][0]["affine_stem"] is True
    noisy = draws(images, torch.arange(2), 7, 0.15, seed=0)
    for row, target in enumerate((1, 2)):
        single = torch.stack([oracle.gradient(model, point, target) for point in noisy[row]])
        assert oracle.relative_l1(found.attribution[row], single.mean(0)) <= 1e-11
        spread = single.std(0) / 7**0.5
        assert 0.4 < float(found.standard_error[row].square().mean() / spread.square().mean()) < 1.8


def test_linear_model_needs_no_smoothing():
    model = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 5)).double()
    images = unfriendly.images(2)
    plain = pyxai.explain(model, images, "gradient", 1).attribution
    found = pyxai.explain(model, images, "smoothgrad", 1, samples=4)
    assert oracle.relative_l1(found.attribution, plain) <= 1e-14
    assert float(found.standard_error.abs().max()) <= 1e-15
    assert float(pyxai.explain(model, images, "vargrad", 1, samples=4).attribution.abs().max()) <= 1e-30


class Quadratic(nn.Module):
    """x·Qx / 2 on a flat image: the mean gradient over any centred noise tends to Qx."""

    def __init__(self, size):
        super().__init__()
        half = torch.randn(size, size, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
        self.register_buffer("q", half + half.T)

    def forward(self, images):
        flat = images.flatten(1)
        return torch.stack([0.5 * (flat @ self.q * flat).sum(1), flat.sum(1)], 1)


def test_quadratic_model_and_its_standard_error():
    model, images = Quadratic(27), torch.rand(1, 3, 3, 3, dtype=torch.float64)
    found = pyxai.explain(model, images, "smoothgrad", 0, samples=400, noise_scale=0.2)
    error = (found.attribution - (images.flatten(1) @ model.q).reshape(images.shape)) / found.standard_error
    assert 0.6 < float(error.square().mean().sqrt()) < 1.4


def test_wrapped_integrated_gradients_keep_their_certificate():
    model, images = unfriendly.build("Smooth"), unfriendly.images(2)
    found = pyxai.explain(
        model,
        images,
        "smoothgrad",
        0,
        of="integrated_gradients",
        of_options={"steps": 80},
        samples=4,
        noise_scale=0.1,
    )
    gap = found.delta.abs() / found.attribution.abs().sum((1, 2, 3))
    assert float(gap.max()) <= 1e-4 and found.evaluations.tolist() == [320, 320]


def test_the_wrapped_method_draws_with_the_outer_seed_unless_it_has_its_own():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)

    def maps(outer, **inner):
        options = {"of": "expected_gradients", "of_options": {"samples": 2} | inner, "noise_scale": 0.0}
        return pyxai.explain(model, images, "smoothgrad", 0, samples=2, seed=outer, **options).attribution

    assert torch.equal(maps(3), maps(3, seed=3))
    assert not torch.equal(maps(3), maps(4))
    assert torch.equal(maps(3, seed=5), maps(4, seed=5))


def test_copies_of_a_sample_get_different_inner_noise():
    model, images = unfriendly.build("Smooth"), unfriendly.images(1)
    found = pyxai.explain(
        model,
        images,
        "vargrad",
        0,
        of="expected_gradients",
        of_options={"samples": 1},
        samples=5,
        noise_scale=0.0,
    )
    assert float(found.attribution.max()) > 0


def test_what_it_needs_is_what_the_wrapped_method_needs():
    """Of the class, which is asked before there are options, what its default needs."""
    for method in map(get_method, pyxai.list_methods("noise")):
        assert (method.needs, method.per_channel) == (Needs.GRADIENTS, True)
        assert method(of="lrp").needs is Needs.GRAPH
        assert method(of="saliency").per_channel is False
