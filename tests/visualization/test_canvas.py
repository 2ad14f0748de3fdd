"""Pictures and masks of spectra against numpy."""

import numpy as np
import pytest
import torch

from pyxai.visualization.canvas import Canvas

IDS = torch.tensor([3, -9])


@pytest.mark.parametrize("size", [(12, 10), (7, 9)])
def test_against_numpy(size):
    canvas = Canvas((3, *size), torch.zeros(1, dtype=torch.float64))
    spectra = 30 * canvas.start(IDS, 0)
    images, masks = (part.numpy() for part in canvas(spectra))
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1]))
    scale = np.sqrt(np.prod(size)) / np.maximum(frequency, 1 / max(size))
    planes = np.fft.irfft2(torch.view_as_complex(spectra).numpy() * scale, size) / 4
    colours = np.array([[0.26, 0.09, 0.02], [0.27, 0, -0.05], [0.27, -0.09, 0.03]])
    colours /= np.linalg.norm(colours, axis=0).max()
    mixed = np.einsum("oc,nchw->nohw", colours, planes[:, :3])
    np.testing.assert_allclose(images, 1 / (1 + np.exp(-mixed)), rtol=1e-10)
    np.testing.assert_allclose(masks, 1 / (1 + np.exp(-planes[:, 3])), rtol=1e-10)


def test_it_starts_all_but_grey():
    canvas = Canvas((3, 224, 224), torch.zeros(1))
    for part in canvas(canvas.start(IDS, 0)):
        assert (part - 0.5).abs().max() < 0.2 and 0.001 < part.std() < 0.05


def test_gradients_and_rows():
    canvas = Canvas((1, 6, 5), torch.zeros(1, dtype=torch.float64))
    spectra = canvas.start(IDS, 1)
    assert torch.autograd.gradcheck(canvas, spectra.clone().requires_grad_())
    alone = canvas(spectra[1:])
    assert all(torch.equal(part[1:], own) for part, own in zip(canvas(spectra), alone, strict=True))


def test_without_a_mask_the_picture_is_the_same():
    with_mask, without = (Canvas((3, 7, 9), torch.zeros(1), masked) for masked in (True, False))
    spectra = without.start(IDS, 2)
    assert torch.equal(spectra, with_mask.start(IDS, 2)[:, :3])
    picture, mask = without(spectra)
    assert mask is None and torch.equal(picture, with_mask(with_mask.start(IDS, 2))[0])
