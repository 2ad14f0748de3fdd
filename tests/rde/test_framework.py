"""Every part of a rate-distortion explanation against its formula, and parts written by a user."""

import math

import pytest
import torch
from torch import nn

import pyxai
from pyxai import rde
from pyxai.rde.scene import ComposedScene, FusedScene, scene

SHAPE = (3, 20, 26)
ENDS = torch.tensor([0.0, -1.0, 2.0]).double(), torch.tensor([1.0, 3.0, 0.0]).double()


def pictures(count=3):
    return torch.rand(count, *SHAPE, dtype=torch.float64)


@pytest.mark.parametrize(
    "representation",
    [rde.Pixels(), rde.Wavelets("db3", 2), rde.Wavelets("haar", 3, "reflect"), rde.Fourier()],
)
def test_representations_give_images_back(representation):
    images = pictures()
    h = representation.coefficients(images)
    parts = representation.parts(SHAPE)
    assert parts is None or sum(parts) == h.shape[-1]
    assert (representation.images(h, SHAPE) - images).abs().max() <= 1e-12


def test_fourier_shares_the_mask_between_real_and_imaginary():
    images = pictures(1)
    h = rde.Fourier().coefficients(images)
    spectrum = torch.fft.rfft2(images[0], norm="ortho").flatten(1)
    assert torch.allclose(h[0, 0::2], spectrum.real) and torch.allclose(h[0, 1::2], spectrum.imag)
    assert rde.Fourier().parts(SHAPE)[0] == 1  # the mean


@pytest.mark.parametrize("representation", [rde.Pixels(), rde.Wavelets("db3", 2)])
@pytest.mark.parametrize("obfuscation", [rde.Gaussian(), rde.Uniform(), rde.Constant(0.3)])
def test_fused_and_composed_scenes_agree(representation, obfuscation):
    """Rows and gradients of the two implementations, float64."""
    images, ids = pictures(), torch.tensor([4, 5, 6])
    given = representation, obfuscation, images, ids, 9, *ENDS
    fused, composed = scene(*given), ComposedScene(*given)
    assert isinstance(fused, FusedScene)
    mask = torch.rand(3, fused.size, dtype=torch.float64)
    index, draws = torch.tensor([2, 0, 0, 1]), torch.tensor([0, 0, 1, 7])
    found = []
    for one in (fused, composed):
        rows = one.obfuscated(mask, index, draws)
        total = torch.zeros_like(mask)
        one.pull_(total, torch.linspace(-1, 1, rows.numel()).double().view(rows.shape), rows, index, draws)
        found.append((rows, total))
    (rows, total), (other_rows, other_total) = found
    assert (rows - other_rows).abs().max() <= 1e-12
    assert (total - other_total).abs().max() <= 1e-11 * other_total.abs().max()


def test_adaptive_noise():
    """Mean and unbiased standard deviation of each part of each image, over its channels."""
    wavelets = rde.Wavelets("db2", 2)
    h = wavelets.coefficients(pictures(2))
    parts = wavelets.parts(SHAPE)
    centre, spread = rde.Gaussian().tables(h, parts)
    for i in range(2):
        for p, part in enumerate(h[i].split(parts, -1)):
            assert torch.allclose(centre[i, p], part.mean()) and torch.allclose(spread[i, p], part.std())
    made = scene(rde.Pixels(), rde.Gaussian(), pictures(1) * 0.5 + 0.25, torch.tensor([1]), 0, *ENDS)
    assert made.parts == (SHAPE[1] * SHAPE[2],)  # Pixel RDE: one set


def test_blur_obfuscates_with_the_blurred_image():
    images = pictures(2)
    draw = rde.Draw(
        images, images.flatten(2), (520,), torch.zeros(2, 520), torch.tensor([1, 0]), torch.arange(2),
        torch.zeros(2, dtype=torch.int64), 0, rde.Pixels(),
    )  # fmt: skip
    blurred = rde.Blur(0.1).replacements(draw).unflatten(2, SHAPE[1:])
    import scipy.ndimage

    for row, image in zip(blurred, images.flip(0), strict=True):
        expected = scipy.ndimage.gaussian_filter(image.numpy(), (0, 2, 2), mode="nearest", radius=(0, 6, 6))
        assert abs(row.numpy() - expected).max() <= 1e-12


SCORES, IMAGE_SCORES = torch.randn(4, 6).double(), torch.randn(4, 6).double()
TARGET = torch.tensor([0, 3, 5, 2])


def test_distortions():
    """The formulas of CartoonX A.3.3 and A.4."""
    p, q = SCORES.softmax(1), IMAGE_SCORES.softmax(1)
    row = torch.arange(4)
    expected = {
        "label": (q[row, TARGET] - p[row, TARGET]) ** 2,
        "maximise_label": (1 - p[row, TARGET]) ** 2,
        "l2": ((q - p) ** 2).sum(1).sqrt(),
        "kl": (p * (p / q).log()).sum(1),
    }
    for name, distortion in rde.DISTORTIONS.items():
        assert torch.allclose(distortion(SCORES, IMAGE_SCORES, TARGET), expected[name]), name
        if distortion.least_at_image:
            assert (distortion(SCORES, SCORES, TARGET).abs() <= 1e-12).all()
    towards = rde.ProbabilityDistance(1e6, q[0])
    assert torch.allclose(towards(SCORES, IMAGE_SCORES, TARGET), 1e6 * ((q[0] - p) ** 2).sum(1).sqrt())
    assert not towards.least_at_image


def test_adam_is_torchs():
    parameter = torch.nn.Parameter(torch.rand(7).double())
    mask = parameter.detach().clone()
    theirs, ours = torch.optim.Adam([parameter], lr=0.01), rde.Adam(0.01).start()
    for _ in range(20):
        gradient = torch.randn(7).double()
        parameter.grad = gradient.clone()
        theirs.step()
        ours(mask, gradient)
    assert torch.allclose(mask, parameter, rtol=1e-13)


class Left(nn.Module):
    """Looks at the left half only."""

    def forward(self, x):
        inside = 20 * (x[..., : x.shape[-1] // 2].mean((1, 2, 3)) - 0.4)
        return torch.stack([inside, -inside], 1)


def test_pixel_rde_finds_the_pixels_the_model_looks_at():
    images = torch.rand(2, 3, 12, 16) * 0.2 + 0.5
    images[:, :, :, 8:] = 0.1
    e = pyxai.explain(Left(), images, method="pixel_rde", steps=60, samples=4, sparsity=0.5)
    assert e.attribution.shape == (2, 1, 12, 16)
    assert torch.equal(e.attribution.flatten(1), e.extras["mask"])
    left, right = e.attribution[..., :8].mean((1, 2, 3)), e.attribution[..., 8:].mean((1, 2, 3))
    assert (left > 5 * right).all()
    none = pyxai.explain(Left(), images, method="pixel_rde", sparsity=0.0)
    assert (none.attribution == 1).all()


class Polar(rde.Representation):
    """A point (x, y) in [-1, 1]², held as an image of two pixels in [0, 1]: h = (angle, radius)."""

    def coefficients(self, images):
        x, y = (2 * images.flatten(1) - 1).unbind(1)
        return torch.stack([torch.atan2(y, x), torch.hypot(x, y)], 1)[:, None]

    def images(self, coefficients, shape):
        angle, radius = coefficients[:, 0].unbind(1)
        return (torch.stack([radius * angle.cos(), radius * angle.sin()], 1).reshape(-1, *shape) + 1) / 2


class Disc(rde.Obfuscation):
    """Uniform over [-π, π] × [0, 1]."""

    def replacements(self, draw):
        u = pyxai.ops.uniform_noise(draw.ids[draw.index], draw.draws, draw.seed, (1, 2), torch.float64)
        return torch.stack([(2 * u[..., 0] - 1) * math.pi, u[..., 1]], -1)


class Angle(nn.Module):
    """Decides by the angle alone (figure 2 of the paper)."""

    def forward(self, x):
        x, y = (2 * x.flatten(1) - 1).unbind(1)
        cosine = 6 * (x * math.cos(0.6) + y * math.sin(0.6)) / torch.hypot(x, y).clamp(min=1e-6)
        return torch.stack([cosine, -cosine], 1)


class Square(rde.Obfuscation):
    """Uniform over [-1, 1]², as the two pixels hold it."""

    def replacements(self, draw):
        return pyxai.ops.uniform_noise(draw.ids[draw.index], draw.draws, draw.seed, (1, 2), torch.float64)


class Still(rde.Optimiser):
    def start(self):
        return lambda mask, gradient: None


POINT = torch.tensor([[[[0.6 * math.cos(0.6), 0.6 * math.sin(0.6)]]]]).double() / 2 + 0.5


def expected_distortion(representation, obfuscation, mask):
    e = pyxai.explain(
        Angle(), POINT, method="rate_distortion", target=0, start=torch.tensor(mask).double(), steps=1,
        samples=512, representation=representation, obfuscation=obfuscation, optimiser=Still(),
    )  # fmt: skip
    return float(e.extras["distortion"])


def test_polar_toy():
    """Figure 2: keeping the angle costs nothing in polar coordinates; neither x nor y does so alone."""
    assert expected_distortion(Polar(), Disc(), [1.0, 0.0]) <= 1e-12
    assert expected_distortion(Polar(), Disc(), [0.0, 1.0]) > 0.3
    assert expected_distortion(rde.Pixels(), Square(), [1.0, 0.0]) > 0.05
    assert expected_distortion(rde.Pixels(), Square(), [0.0, 1.0]) > 0.05
    options = {"steps": 300, "samples": 16, "learning_rate": 0.02, "sparsity": 0.01, "target": 0}
    parts = {"obfuscation": Disc(), "representation": Polar()}
    e = pyxai.explain(Angle(), POINT, method="rate_distortion", **parts, **options)
    angle, radius = e.extras["mask"][0].tolist()
    assert angle > 0.5 and radius < 0.05


class Descent(rde.Optimiser):
    def start(self):
        return lambda mask, gradient: mask.sub_(gradient, alpha=0.5)


class Filled(rde.Obfuscation):
    """A generator that looks at the mask."""

    def replacements(self, draw):
        share = draw.mask.mean(1)[:, None, None]
        return share * draw.coefficients[draw.index].flip(-1)


class Margin(rde.Distortion):
    def __call__(self, scores, image_scores, target):
        return (image_scores - scores).square().mean(1)


def test_parts_of_a_user():
    """A user's obfuscation, distortion and optimiser; gradients flow through what the mask fills in."""
    images = torch.rand(2, 3, 8, 8).double()
    parts = {"obfuscation": Filled(), "distortion": Margin(), "optimiser": Descent()}
    e = pyxai.explain(
        Left(), images, method="rate_distortion", steps=5, samples=2, sparsity=0.2, **parts,
        representation=rde.Fourier(),
    )  # fmt: skip

    mask = torch.ones(2, 8 * 5, dtype=torch.float64)
    h, scores = rde.Fourier().coefficients(images), Left()(images)
    for _ in range(5):
        leaf = mask.clone().requires_grad_()
        keep = leaf[:, None]
        y = rde.Fourier().images(keep * h + (1 - keep) * leaf.mean(1)[:, None, None] * h.flip(-1), (3, 8, 8))
        loss = (scores - Left()(y.clamp(0, 1))).square().mean(1).sum() + 0.2 / 40 * leaf.abs().sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        mask = (mask - 0.5 * gradient).clamp(0, 1)
    assert (e.extras["mask"] - mask).abs().max() <= 1e-10


def test_rate_distortion_takes_the_place_of_the_named_methods():
    images = torch.rand(2, 3, 12, 16)
    options = {"steps": 5, "samples": 2}
    for name, representation in (("pixel_rde", rde.Pixels()), ("cartoonx", rde.Wavelets("haar", 2))):
        own = {} if name == "pixel_rde" else {"wavelet": "haar", "levels": 2}
        one = pyxai.explain(Left(), images, method=name, sparsity=2.0, **own, **options)
        other = pyxai.explain(
            Left(), images, method="rate_distortion", sparsity=2.0, representation=representation, **options
        )
        assert torch.equal(one.extras["mask"], other.extras["mask"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"representation": "fourier"},
            "rate_distortion: `representation` must be a Representation, got str",
        ),
        ({"start": torch.full((64,), 2.0)}, r"rate_distortion: `start` must lie in \[0, 1\]"),
    ],
)
def test_messages(options, message):
    with pytest.raises(ValueError, match=message):
        pyxai.explain(Left(), torch.rand(1, 3, 8, 8), method="rate_distortion", **options)


def test_without_pywavelets(monkeypatch):
    """Pixels need nothing; wavelets say what to install."""
    import sys

    monkeypatch.setitem(sys.modules, "pywt", None)
    pyxai.explain(Left(), torch.rand(1, 3, 8, 8), method="pixel_rde", steps=1, samples=1)
    with pytest.raises(ModuleNotFoundError, match="pip install 'pyxai-torch\\[wavelets\\]'"):
        pyxai.Explainer(Left(), "cartoonx")
