"""Images from coefficients and back."""

import pytest
import torch

from pyxai import rde
from tests.rde.toys import SHAPE, pictures


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
