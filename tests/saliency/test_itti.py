"""The Itti–Koch–Niebur model: what it must find, and its parts in closed form."""

import math

import pytest
import torch

from pyxai import saliency
from pyxai.saliency.itti import _channels, iterative, local_max
from pyxai.saliency.planes import resize
from tests.saliency.pictures import correlation, photographs, tensor

SIDE = 384
SPACING = 64


def bars(odd, angle=90.0, colour=(0.1, 0.1, 0.1), odd_angle=90.0, odd_colour=(0.1, 0.1, 0.1)):
    """Bars on a light ground, which go on beyond the border; the one at `odd` (row, column) is different."""
    y, x = torch.meshgrid(torch.arange(SIDE) + 0.5, torch.arange(SIDE) + 0.5, indexing="ij")
    image = torch.full((3, SIDE, SIDE), 0.9)
    for row in range(SIDE // SPACING + 1):
        for column in range(SIDE // SPACING + 1):
            turned = math.radians(odd_angle if (row, column) == odd else angle)
            down, right = y - row * SPACING, x - column * SPACING
            along = right * math.cos(turned) - down * math.sin(turned)
            across = right * math.sin(turned) + down * math.cos(turned)
            inside = (along.abs() < 16) & (across.abs() < 4)
            shade = torch.tensor(odd_colour if (row, column) == odd else colour)
            image = torch.where(inside, shade[:, None, None], image)
    return image[None]


TURNED, OBLIQUE = {"odd_angle": 0.0}, {"odd_angle": 45.0}
RED = {"colour": (0.1, 0.6, 0.1), "odd_colour": (0.8, 0.1, 0.1)}


@pytest.mark.parametrize("odd", [(2, 3), (4, 1)])
@pytest.mark.parametrize(
    ("normalisation", "difference"),
    [
        ("local_max", TURNED),
        ("local_max", OBLIQUE),
        ("local_max", RED),
        ("iterative", TURNED),
        ("iterative", OBLIQUE),
    ],
)
def test_the_odd_bar_is_found(normalisation, odd, difference):
    found = saliency.itti_koch(bars(odd, **difference), normalisation=normalisation)[0]
    row, column = divmod(int(found.argmax()), SIDE)
    assert (round(row / SPACING), round(column / SPACING)) == odd


def test_the_channel_that_differs_stands_out():
    maps = saliency.conspicuity(bars((3, 3), odd_angle=0.0))
    middle = slice(3 * SPACING - SPACING // 2, 3 * SPACING + SPACING // 2)

    def share(name):
        return float(maps[name][0, middle, middle].mean() / maps[name][0].mean())

    assert share("orientation") > 1.5 > share("intensity")


def test_itti_koch_is_the_mean_of_normalised_conspicuity():
    """At 1/16 of the size, where the channels' maps are added; then the sum is enlarged and scaled."""
    images = tensor(photographs(256, 300)[:2])
    channels = _channels(images, local_max)
    maps = saliency.conspicuity(images)
    assert list(maps) == list(channels) == ["intensity", "colour", "orientation"]
    for name, plane in channels.items():
        assert plane.shape == (2, 16, 19)
        torch.testing.assert_close(maps[name], resize(plane, 256, 300))
    mean = resize(torch.stack([local_max(plane) for plane in channels.values()]).mean(0), 256, 300)
    torch.testing.assert_close(saliency.itti_koch(images), mean / mean.amax((1, 2), keepdim=True))


def test_nothing_is_made_of_rounding():
    flat = torch.tensor([0.1, 0.5, 0.3])[None, :, None, None].expand(1, 3, 100, 90)
    for plane in saliency.conspicuity(flat).values():
        assert not plane.any()
    grey = 0.4 + 0.5 * tensor(photographs(200, 256))[:, :1]  # no pixel so dark that its colour is not seen
    tinted = grey * torch.tensor([1.0, 0.8, 0.6])[:, None, None]
    assert not saliency.conspicuity(tinted)["colour"].any()
    for method in (saliency.itti_koch, saliency.gbvs):
        assert correlation(method(tinted), method(grey)) > 0.9999


def test_local_max_in_closed_form():
    plane = torch.zeros(1, 40, 40, dtype=torch.float64)
    plane[0, 10, 10], plane[0, 30, 30], plane[0, 10, 30] = 4.0, 2.0, 1.0
    found = local_max(plane)
    mean = (0.5 + 0.25) / 2
    torch.testing.assert_close(found, plane / 4 * (1 - mean) ** 2)
    alone = torch.zeros(1, 9, 9)
    alone[0, 4, 4:6] = 3.0  # two equal neighbours are one peak
    torch.testing.assert_close(local_max(alone), alone / 3)
    twins = torch.zeros(1, 9, 9)
    twins[0, 2, 2] = twins[0, 6, 6] = 3.0
    assert not local_max(twins).any()


def test_iterative_keeps_a_lone_peak_and_drops_many():
    lone = torch.zeros(1, 40, 40)
    lone[0, 20, 20] = 1.0
    many = torch.zeros(1, 40, 40)
    many[0, 4::4, 4::4] = 1.0
    assert iterative(lone).amax() > 1 > iterative(many).amax()


def test_messages():
    with pytest.raises(
        ValueError, match=r"^itti_koch: `normalisation` must be one of 'local_max', 'iterative'"
    ):
        saliency.itti_koch(torch.rand(1, 3, 8, 8), normalisation="none")
    with pytest.raises(ValueError, match=r"^conspicuity: `images` must have shape"):
        saliency.conspicuity(torch.rand(3, 8, 8))
