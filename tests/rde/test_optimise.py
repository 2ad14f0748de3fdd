"""The optimisation: the paper's toy in polar coordinates, and parts that a user wrote, step by step."""

import math

import torch

import pyxai
from examples.rde.polar import POINT, Angle, Box, Polar, Still
from pyxai import rde
from tests.rde.toys import Left

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
