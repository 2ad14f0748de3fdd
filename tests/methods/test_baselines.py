"""Reference images: every accepted form, and the errors of the others."""

import pytest
import scipy.ndimage
import torch

from pyxai.methods.baselines import BLUR_FRACTION, baselines

IMAGES = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def read(baseline, low=0.0):
    return baselines(baseline, low, IMAGES)


def test_constants():
    assert read(0.5)[0].shape == (1, 3, 40, 56) and bool((read(0.5)[0] == 0.5).all())
    assert read((0.1, 0.2, 0.3))[0][0, :, 0, 0].tolist() == [0.1, 0.2, 0.3]
    assert read("black", low=(-2.0, -1.0, 0.0))[0][0, :, 5, 5].tolist() == [-2.0, -1.0, 0.0]


def test_mean_colour():
    (mean,) = read("mean")
    assert torch.allclose(mean[:, :, 7, 9], IMAGES.mean((2, 3)), rtol=1e-14)
    assert mean.shape == IMAGES.shape


def test_blur_is_a_gaussian_normalised_at_the_border():
    (blurred,) = read("blur")
    sigma = BLUR_FRACTION * 40
    image = IMAGES[1, 2].numpy()
    smooth = scipy.ndimage.gaussian_filter(image, sigma, mode="constant", truncate=60 / sigma)
    weight = scipy.ndimage.gaussian_filter(
        torch.ones(40, 56).double().numpy(), sigma, mode="constant", truncate=60 / sigma
    )
    assert abs(blurred[1, 2].numpy() - smooth / weight).max() < 1e-12


def test_tensors():
    one, own = IMAGES[:1], IMAGES.flip(0)
    assert torch.equal(read(one[0])[0], one)
    assert torch.equal(read(own)[0], own)
    several = torch.stack([one[0], own[0], one[0]]).unsqueeze(0)
    assert [tuple(start.shape) for start in read(several)] == [(1, 3, 40, 56)] * 3
    assert [tuple(start.shape) for start in read(IMAGES.unsqueeze(1).expand(2, 4, 3, 40, 56))] == [
        (2, 3, 40, 56)
    ] * 4


@pytest.mark.parametrize(
    "baseline, message",
    [
        ("grey", "be a number, a tensor or one of 'black', 'mean', 'blur', got 'grey'"),
        (
            torch.zeros(3, 40, 40),
            "fit images of shape \\(2, 3, 40, 56\\) as .* \\(N, K, C, H, W\\), got \\(3, 40, 40\\)",
        ),
        (torch.zeros(5, 3, 40, 56), "fit images of shape .* got \\(5, 3, 40, 56\\)"),
        (float("nan"), "be finite, got nan"),
        (torch.full((3, 40, 56), float("inf")), "be finite, got NaN or infinity"),
        ((1.0, 2.0), "be one number or one for each of 3 channels, got \\(1.0, 2.0\\)"),
    ],
)
def test_bad_baselines(baseline, message):
    with pytest.raises(ValueError, match=f"^`baseline` must {message}"):
        read(baseline)


def test_volumes():
    volumes = torch.stack([IMAGES, IMAGES.flip(0), IMAGES], 2)

    def read(baseline):
        return baselines(baseline, (-2.0, -1.0, 0.0), volumes)

    assert read((0.1, 0.2, 0.3))[0].shape == (1, 3, 3, 40, 56)
    assert read("black")[0][0, :, 2, 5, 5].tolist() == [-2.0, -1.0, 0.0]
    assert torch.allclose(read("mean")[0][:, :, 1, 7, 9], volumes.mean((2, 3, 4)), rtol=1e-14)
    for frame in range(3):  # each frame by itself: what moves is not smeared over time
        (alone,) = baselines("blur", 0.0, volumes[:, :, frame].contiguous())
        assert torch.allclose(read("blur")[0][:, :, frame], alone, rtol=1e-12)
    assert torch.equal(read(volumes[0])[0], volumes[:1])
    assert torch.equal(read(volumes.flip(0))[0], volumes.flip(0))
    assert [tuple(start.shape) for start in read(volumes[None])] == [(1, 3, 3, 40, 56)] * 2
    with pytest.raises(ValueError, match=r"as \(C, T, H, W\), .* \(N, K, C, T, H, W\), got \(3, 40, 56\)"):
        read(IMAGES[0])
