"""The options that masks on every representation share."""

import torch

import pyxai
from pyxai import rde
from tests.rde.toys import Left


def test_presets():
    """The paper's budget by name; options that are given win."""
    for options, wanted in (
        ({"preset": "paper"}, (2000, 64, 0.001)),
        ({}, (50, 8, 0.1)),
        ({"preset": "paper", "steps": 9}, (9, 64, 0.001)),
    ):
        how = pyxai.Explainer(Left(), "cartoonx", **options).method.how
        assert (how.steps, how.samples, how.optimiser.learning_rate) == wanted
        assert how.sparsity == 20
    assert pyxai.Explainer(Left(), "pixel_rde").method.how.sparsity == 10


def test_options_name_the_parts():
    how = pyxai.Explainer(Left(), "pixel_rde", obfuscation="blur", distortion="kl").method.how
    assert (how.obfuscation, how.distortion) == (rde.OBFUSCATIONS["blur"], rde.DISTORTIONS["kl"])
    own = rde.Constant(0.25)
    assert pyxai.Explainer(Left(), "pixel_rde", obfuscation=own).method.how.obfuscation is own


def test_black_and_white_are_those_of_the_model():
    """The same picture in other units has the same mask."""
    images, scale = torch.rand(2, 3, 6, 8, dtype=torch.float64), torch.tensor([2.0, -4.0, 0.5]).double()

    def shown(x):
        return Left()(x / scale[:, None, None])

    options = {"method": "pixel_rde", "steps": 4, "samples": 2, "obfuscation": "zero", "sparsity": 0.5}
    plain = pyxai.explain(Left(), images, **options)

    class Scaled(torch.nn.Module):
        def forward(self, x):
            return shown(x)

    other = pyxai.explain(Scaled(), images * scale[:, None, None], high=tuple(scale.tolist()), **options)
    assert (plain.attribution - other.attribution).abs().max() <= 1e-9
    assert plain.attribution.std() > 0.05
