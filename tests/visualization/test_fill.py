"""Each fill against a loop over pixels, its gradients, and what its draws depend on."""

import math

import pytest
import torch
import torch.nn.functional as F

from pyxai import ops
from pyxai.visualization import FILLS, fractal_noise
from pyxai.visualization.fill import Blur, Constant, Fractal, Gaussian, Pyramid

IDS = torch.tensor([4, -3])
SIZE = (3, 7, 9)


def given(seed=0):
    generator = torch.Generator().manual_seed(seed)
    images = torch.rand(2, *SIZE, generator=generator, dtype=torch.float64)
    return images, torch.rand(2, *SIZE[1:], generator=generator, dtype=torch.float64)


def composed(images, masks, background):
    """Eq. 10 and 11, pixel by pixel; the background by row, channel, place and mask."""
    found = torch.empty_like(images)
    for n, c, y, x in torch.cartesian_prod(*map(torch.arange, images.shape)).tolist():
        mask = masks[n, y, x]
        found[n, c, y, x] = mask * images[n, c, y, x] + (1 - mask) * background(n, c, y, x, float(mask))
    return found


def assert_is(fill, background, step=5):
    images, masks = given()
    torch.testing.assert_close(
        fill(images, masks, IDS, step), composed(images, masks, background), rtol=1e-12, atol=1e-12
    )


def test_pyramid():
    noise = fractal_noise(IDS, 5, SIZE, depth=3, seed=ops.derive_seed(1, "pyramid"), dtype=torch.float64)
    fill = Pyramid(depth=3, seed=1)
    assert_is(fill, lambda n, c, y, x, mask: noise[n, min(math.floor(4 * mask), 3), c, y, x])


def test_fractal_noise_has_one_level():
    noise = fractal_noise(IDS, 5, SIZE, depth=None, seed=ops.derive_seed(1, "fractal"), dtype=torch.float64)
    assert noise.shape[1] == 1
    assert_is(Fractal(seed=1), lambda n, c, y, x, mask: noise[n, 0, c, y, x])


def test_gaussian_noise_is_standard_normal():
    draws = torch.full_like(IDS, 5)
    noise = ops.normal_noise(IDS, draws, ops.derive_seed(1, "gaussian"), SIZE, torch.float64)
    assert_is(Gaussian(seed=1), lambda n, c, y, x, mask: noise[n, c, y, x])
    large = Gaussian()(torch.zeros(2, 3, 64, 64), torch.zeros(2, 64, 64), IDS, 0)
    assert abs(float(large.mean())) < 0.03 and float(large.std()) == pytest.approx(1, abs=0.03)


def test_constant():
    assert_is(Constant(0.55), lambda n, c, y, x, mask: 0.55)


@pytest.mark.parametrize("sigma", [40.0, 10.0])
def test_blur(sigma):
    """A place takes what lies between the two nearest of six blurs, in each a weighted mean about it."""
    images, masks = given()
    deviation, found = sigma * 7 / 224, torch.empty_like(images)
    for n, c, y, x in torch.cartesian_prod(*map(torch.arange, images.shape)).tolist():
        place = 5 * float(masks[n, y, x])
        level = min(math.floor(place), 4)
        near = [mean_about(images[n, c], y, x, deviation * (1 - one / 5)) for one in (level, level + 1)]
        found[n, c, y, x] = near[0] + (place - level) * (near[1] - near[0])
    torch.testing.assert_close(Blur(sigma)(images, masks, IDS, 0), found, rtol=1e-10, atol=1e-12)


def mean_about(plane, y, x, deviation):
    """The mean of a plane by a Gaussian about a place, to twice the deviation, with mirrored borders."""
    if deviation == 0:
        return float(plane[y, x])
    reach = math.ceil(2 * deviation)
    wide = F.pad(plane[None, None], (reach,) * 4, "reflect")[0, 0]
    total = weight = 0.0
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            own = math.exp(-(down**2 + across**2) / (2 * deviation**2))
            total += own * float(wide[y + reach + down, x + reach + across])
            weight += own
    return total / weight


def test_the_blur_of_the_paper_blurs_nothing():
    images, masks = (
        torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0)),
        torch.zeros(1, 224, 224),
    )
    assert (Blur(0.2)(images, masks, IDS[:1], 0) - images).abs().max() < 2e-5
    assert (Blur()(images, masks, IDS[:1], 0) - images).std() > 0.2


def test_a_blur_wider_than_the_image_and_images_of_one_pixel():
    images = torch.rand(1, 2, 3, 1, dtype=torch.float64)
    found = Blur(2000.0)(images, torch.zeros(1, 3, 1, dtype=torch.float64), IDS[:1], 0)
    assert (found.amax(2) - found.amin(2)).max() < 0.1 * (images.amax(2) - images.amin(2)).max()


@pytest.mark.parametrize("name", FILLS)
def test_what_a_mask_of_one_keeps_is_the_image(name):
    images, masks = given()
    torch.testing.assert_close(FILLS[name]()(images, torch.ones_like(masks), IDS, 0), images)


@pytest.mark.parametrize("name", FILLS)
def test_gradients(name):
    images, masks = (part[:, ..., :4, :3].requires_grad_() for part in given())
    assert torch.autograd.gradcheck(lambda *parts: FILLS[name]()(*parts, IDS, 2), (images, masks))


@pytest.mark.parametrize("name", FILLS)
def test_draws_go_by_seed_id_and_step_alone(name):
    images, masks = (part.float() for part in given())
    drawn = name not in ("blur", "constant")
    fill = FILLS[name](**({"seed": 3} if drawn else {}))
    found = fill(images, masks, IDS, 2)
    assert torch.equal(found[1:], fill(images[1:], masks[1:], IDS[1:], 2))
    assert torch.equal(found, fill(images, masks, IDS, 3)) != drawn
    if drawn:
        assert not torch.equal(found, FILLS[name](seed=4)(images, masks, IDS, 2))
        assert not torch.equal(found, fill(images, masks, IDS + 1, 2))


@pytest.mark.parametrize(
    ("fill", "options", "message"),
    [
        (Constant, {"constant": 1.5}, "`constant` must lie between 0 and 1, got 1.5"),
        (Blur, {"blur_sigma": -1}, "`blur_sigma` must be a number that is not negative, got -1"),
        (Pyramid, {"depth": -1}, "`depth` must be a whole number of at least 0, got -1"),
    ],
)
def test_messages(fill, options, message):
    with pytest.raises(ValueError, match=message):
        fill(**options)
