"""Every part of a rate-distortion explanation against its formula, and parts written by a user."""

import math

import pytest
import scipy.ndimage
import torch
from torch import nn

import pyxai
from examples.rde.polar import POINT, Angle, Box, Polar, Still
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


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (4, 5), (7, 2), (1, 1)])
def test_fourier(size):
    """Any coefficients are those of a real image: the full spectrum they stand for is Hermitian."""
    shape, fourier = (3, *size), rde.Fourier()
    h = fourier.coefficients(torch.rand(1, *shape, dtype=torch.float64))
    assert sum(fourier.parts(shape)) == h.shape[-1]
    h = torch.randn_like(h)
    full = torch.full((3, *size), torch.nan, dtype=torch.complex128)
    half = iter(range(h.shape[-1]))
    for row in range(size[0]):
        for column in range(size[1] // 2 + 1):
            if full[0, row, column].isnan():
                k, there = next(half), (slice(None), -row % size[0], -column % size[1])
                value = torch.complex(h[0, 0::2, k], h[0, 1::2, k])
                own = there[1:] == (row, column)
                full[:, row, column] = value.real.to(value) if own else value
                full[there] = full[:, row, column].conj()
    assert not list(half) and not full.isnan().any()
    images = torch.fft.ifft2(full, norm="ortho")
    assert images.imag.abs().max() <= 1e-14
    assert (fourier.images(h, shape)[0] - images.real).abs().max() <= 1e-14
    numbers = fourier.numbers(h[0], shape)
    assert sum(part.numel() for part in numbers) == images.numel()  # as many as there are free to choose


def test_noise_on_fourier_coefficients_keeps_the_brightness():
    """A mean has no imaginary part to count: where the channels agree, that of the image comes back."""
    grey = 0.4 + 0.2 * torch.rand(2, 1, 6, 8, dtype=torch.float64).expand(2, 3, 6, 8)
    ends = torch.zeros(3).double(), torch.ones(3).double()
    made = scene(rde.Fourier(), rde.Gaussian(), grey, torch.arange(2), 0, *ends)
    nothing_kept = torch.zeros(2, made.size, dtype=torch.float64)
    rows = made.obfuscated(nothing_kept, torch.tensor([0, 1, 1]), torch.tensor([3, 4, 5]))
    assert ((rows > 0) & (rows < 1)).all()
    assert (rows.mean((1, 2, 3)) - grey.mean((1, 2, 3))[[0, 1, 1]]).abs().max() <= 1e-12
    assert ((rows - rows.mean((2, 3), keepdim=True)).flatten(1).std(1) > 0.02).all()


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
    wavelets, images = rde.Wavelets("db2", 2), pictures(2)
    h = wavelets.coefficients(images)
    parts = wavelets.parts(SHAPE)
    centre, spread = rde.Gaussian().prepare(images, h, wavelets)
    for i in range(2):
        for p, part in enumerate(h[i].split(parts, -1)):
            assert torch.allclose(centre[i, p], part.mean()) and torch.allclose(spread[i, p], part.std())
    made = scene(rde.Pixels(), rde.Gaussian(), pictures(1) * 0.5 + 0.25, torch.tensor([1]), 0, *ENDS)
    assert made.parts == (SHAPE[1] * SHAPE[2],)  # Pixel RDE: one set


def test_blur_obfuscates_with_the_blurred_image():
    images = pictures(2)
    ends = torch.zeros(3).double(), torch.ones(3).double()
    made = scene(rde.Pixels(), rde.Blur(0.1), images, torch.arange(2), 0, *ends)
    nothing_kept = torch.zeros(2, made.size, dtype=torch.float64)
    blurred = made.obfuscated(nothing_kept, torch.tensor([1, 0]), torch.zeros(2, dtype=torch.int64))
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


DISC, SQUARE = Box((-math.pi, 0.0), (math.pi, 1.0)), Box((0.0, 0.0), (1.0, 1.0))


def expected_distortion(representation, obfuscation, mask):
    e = pyxai.explain(
        Angle(), POINT.double(), method="rate_distortion", target=0, start=torch.tensor(mask), steps=1,
        samples=512, representation=representation, obfuscation=obfuscation, optimiser=Still(),
    )  # fmt: skip
    return float(e.extras["distortion"])


def test_polar_toy():
    """Figure 2: keeping the angle costs nothing in polar coordinates; neither x nor y does so alone."""
    assert expected_distortion(Polar(), DISC, [1.0, 0.0]) <= 1e-12
    assert expected_distortion(Polar(), DISC, [0.0, 1.0]) > 0.3
    assert expected_distortion(rde.Pixels(), SQUARE, [1.0, 0.0]) > 0.05
    assert expected_distortion(rde.Pixels(), SQUARE, [0.0, 1.0]) > 0.05
    options = {"steps": 300, "samples": 16, "learning_rate": 0.02, "sparsity": 0.01, "target": 0}
    parts = {"obfuscation": DISC, "representation": Polar()}
    e = pyxai.explain(Angle(), POINT.double(), method="rate_distortion", **parts, **options)
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

    h, scores = rde.Fourier().coefficients(images), Left()(images)
    mask = torch.ones(2, h.shape[-1], dtype=torch.float64)
    for _ in range(5):
        leaf = mask.clone().requires_grad_()
        keep = leaf[:, None]
        y = rde.Fourier().images(keep * h + (1 - keep) * leaf.mean(1)[:, None, None] * h.flip(-1), (3, 8, 8))
        loss = (scores - Left()(y.clamp(0, 1))).square().mean(1).sum() + 0.2 / h.shape[-1] * leaf.abs().sum()
        (gradient,) = torch.autograd.grad(loss, leaf)
        mask = (mask - 0.5 * gradient).clamp(0, 1)
    assert (e.extras["mask"] - mask).abs().max() <= 1e-10


class Every(rde.Representation):
    """Every value of an image has an entry of the mask: as many as there are channels."""

    def coefficients(self, images):
        return images.flatten(1)[:, None]

    def images(self, coefficients, shape):
        return coefficients.reshape(-1, *shape)


def test_a_grey_picture_needs_as_many_coefficients_of_one_channel():
    images = torch.rand(2, 3, 12, 16)
    options = {"method": "rate_distortion", "representation": Every(), "steps": 2, "samples": 2}
    assert pyxai.explain(Left(), images, colour=True, **options).attribution.shape == images.shape
    message = "`representation` must give K = 576 for one channel too, or `colour` be set, got 192"
    with pytest.raises(ValueError, match=message):
        pyxai.explain(Left(), images, **options)


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
