"""Masks on any representation, with parts that a user wrote."""

import pytest
import torch

import pyxai
from pyxai import rde
from tests.rde.toys import Left


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
