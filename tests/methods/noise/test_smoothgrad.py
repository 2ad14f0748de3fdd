"""SmoothGrad, its square and its variance: against loops over the same draws, and in closed form."""

import torch
from torch import nn

import pyxai
from tests import unfriendly, zoo
from tests.methods import oracle
from tests.methods.noise.draws import draws


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


def test_wrapped_integrated_gradients_keep_their_completeness_error():
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
