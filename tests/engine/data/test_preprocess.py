"""Resize, crop and normalisation against plain arithmetic."""

import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai.engine import Preprocess
from pyxai.engine.errors import RowError


def image(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("size", "resize", "crop", "wanted"),
    [
        ((30, 40), None, None, (30, 40)),
        ((30, 40), 15, None, (15, 20)),
        ((41, 30), 20, None, (27, 20)),
        ((30, 40), 20, 16, (16, 16)),
        ((30, 40), None, 30, (30, 30)),
    ],
)
def test_sizes(size, resize, crop, wanted):
    preprocess = Preprocess(resize=resize, crop=crop)
    assert preprocess.picture(image(*size)).shape == (3, *wanted)
    assert preprocess.size(*size) == wanted
    assert preprocess.array(np.zeros((3, *size), np.float32)).shape == (3, *wanted)


def test_the_crop_is_the_centre_and_untouched():
    picture = image(30, 40)
    found = Preprocess(crop=20).picture(picture)
    np.testing.assert_array_equal(found, np.asarray(picture)[5:25, 10:30].transpose(2, 0, 1))


def test_arrays_are_resized_like_pictures():
    picture = image(30, 40)
    pixels = np.asarray(picture).transpose(2, 0, 1)
    preprocess = Preprocess(resize=16, crop=12)
    np.testing.assert_array_equal(preprocess.array(pixels), preprocess.picture(picture))
    floats = preprocess.array(pixels.astype(np.float32))
    # Pillow rounds an 8-bit picture to whole numbers after the horizontal and after the vertical pass.
    assert np.abs(floats - preprocess.picture(picture)).max() <= 1


def test_normalise_divides_by_255_then_subtracts_and_divides():
    pixels = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16).expand(2, 3, 16, 16)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    found = Preprocess(mean=mean, std=std).normalise(pixels)
    wanted = (pixels / 255 - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    torch.testing.assert_close(Preprocess().normalise(pixels / 255), pixels / 255, rtol=0, atol=0)


def test_bgr_in_0_to_255_minus_a_mean_is_exact():
    pixels = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    found = Preprocess(channels="BGR", scale=255.0, mean=(104, 117, 123)).normalise(pixels)
    wanted = pixels.flip(1).float() - torch.tensor([104.0, 117, 123])[:, None, None]
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)


def test_rows_do_not_depend_on_the_batch():
    pixels = torch.randint(0, 256, (33, 3, 7, 5), dtype=torch.uint8)
    preprocess = Preprocess(mean=0.4, std=(0.2, 0.3, 0.1))
    alone = torch.cat([preprocess.normalise(row[None]) for row in pixels])
    assert torch.equal(preprocess.normalise(pixels), alone)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"resize": 0}, "`resize`"),
        ({"crop": -3}, "`crop`"),
        ({"channels": "RBG"}, "`channels`"),
        ({"channels": 0}, "`channels`"),
        ({"channels": True}, "`channels`"),
        ({"range": (1, 1)}, "`range` must be a low and a high number"),
        ({"range": (0, float("inf"))}, "`range`"),
        ({"range": (0, 1, 2)}, "`range`"),
        ({"mean": (0.1, 0.2)}, "`mean` must have 1 or 3 values"),
        ({"std": (0.1, 0.0, 0.1)}, "`std` must be positive"),
        ({"interpolation": "cubic"}, "`interpolation`"),
    ],
)
def test_wrong_values_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Preprocess(**options)


def test_too_small_for_the_crop_is_a_failed_row():
    with pytest.raises(RowError, match="use --resize"):
        Preprocess(crop=16).picture(image(12, 40))


def test_a_store_has_the_settings_as_json_and_older_ones_had_no_range():
    settings = Preprocess(crop=224, mean=(0.1, 0.2, 0.3))
    assert "range" not in settings.as_json()
    assert Preprocess(**settings.as_json()) == settings
    ranged = settings.changed({"range": (0, 4095)})
    assert Preprocess(**ranged.as_json()) == ranged != settings


def test_channels_by_number():
    assert (Preprocess(channels=1), Preprocess(channels=3)) == (Preprocess(channels="L"), Preprocess())
    five = Preprocess(channels=5, mean=(1, 2, 3, 4, 5))
    assert (five.count, five.stacked, Preprocess().stacked) == (5, True, False)
    assert len(five.black) == 5


def test_a_mean_beyond_pixels_is_doubted():
    with pytest.warns(UserWarning, match="`mean` .* lies beyond pixels, which go from 0 to 1: .* scale=255"):
        Preprocess(mean=(123, 116, 103), std=(58, 57, 57))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Preprocess(mean=(123, 116, 103), std=(58, 57, 57), scale=255)
        Preprocess(mean=(0.485, 0.456, 1.0))
