"""A model's input as the picture it was."""

import types

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai import Preprocess
from pyxai.render.pixels import Space, picture_space, pixels_of, space_of

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
NORMALISE = types.SimpleNamespace(mean=list(MEAN), std=torch.tensor(STD))


def processor(**options):
    return types.SimpleNamespace(image_mean=MEAN, image_std=STD, **options)


def normalised(pixels, scale=1.0):
    image = torch.from_numpy(pixels.transpose(2, 0, 1) * (scale / 255))
    return (image - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


@pytest.mark.parametrize(
    "preprocess",
    [
        Preprocess(mean=MEAN, std=STD),
        Preprocess(mean=(103.9, 116.8, 123.7), channels="BGR", scale=255.0),
        Preprocess(mean=(0.5,), std=(0.5,), channels="BGR"),
        Preprocess(),
    ],
    ids=str,
)
def test_what_was_done_is_taken_back(preprocess):
    image = preprocess(Image.fromarray(PICTURE))
    np.testing.assert_array_equal(pixels_of(image, space_of(preprocess)), PICTURE)


@pytest.mark.parametrize("channels", ["RGB", "BGR"])
def test_pictures_made_for_a_model_keep_its_order_alone(channels):
    space = picture_space(Preprocess(mean=MEAN, std=STD, channels=channels, scale=255.0))
    made = torch.from_numpy(PICTURE.transpose(2, 0, 1) / 255)
    found = pixels_of(made.flip(0) if channels == "BGR" else made, space)
    np.testing.assert_array_equal(found, PICTURE)


def test_grey_inputs_are_grey_pictures():
    preprocess = Preprocess(mean=(0.5,), std=(0.25,), channels="L")
    image = preprocess(PICTURE[..., 0])
    np.testing.assert_array_equal(pixels_of(image, space_of(preprocess)), PICTURE[..., :1].repeat(3, 2))


@pytest.mark.parametrize(
    "preprocess",
    [
        NORMALISE,
        types.SimpleNamespace(transforms=[types.SimpleNamespace(size=3), NORMALISE]),
        [types.SimpleNamespace(p=0.5), NORMALISE],
        {"mean": MEAN, "std": STD, "input_size": (3, 5, 7)},
        processor(),
        processor(do_rescale=True, rescale_factor=1 / 255, do_normalize=True),
    ],
)
def test_those_of_other_packages(preprocess):
    np.testing.assert_array_equal(pixels_of(normalised(PICTURE), space_of(preprocess)), PICTURE)


def test_processors_that_leave_steps_out():
    turned = processor(do_normalize=False, do_flip_channel_order=True)
    image = torch.from_numpy(PICTURE[..., ::-1].transpose(2, 0, 1) / 255)
    np.testing.assert_array_equal(pixels_of(image, space_of(turned)), PICTURE)
    whole = processor(do_normalize=False, do_rescale=False)
    np.testing.assert_array_equal(pixels_of(255 * image.flip(0), space_of(whole)), PICTURE)


def test_transforms_of_torchvision_and_timm():
    transforms = pytest.importorskip("torchvision.transforms")
    presets = pytest.importorskip("torchvision.transforms._presets")
    timm_data = pytest.importorskip("timm.data")
    composed = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    found = composed(Image.fromarray(PICTURE))
    for said in (
        composed,
        presets.ImageClassification(crop_size=5),
        timm_data.create_transform((3, 5, 7), mean=MEAN, std=STD),
    ):
        np.testing.assert_array_equal(pixels_of(found, space_of(said)), PICTURE)
    bare = space_of(transforms.Compose([transforms.ToTensor()]))
    np.testing.assert_array_equal(
        pixels_of(torch.from_numpy(PICTURE.transpose(2, 0, 1) / 255), bare), PICTURE
    )


@pytest.mark.parametrize("preprocess", [3, len, "imagenet", {"mean": 1}, types.SimpleNamespace(std=1)])
def test_what_says_nothing_is_refused(preprocess):
    with pytest.raises(ValueError, match="`preprocess` must say the `mean` and `std`"):
        space_of(preprocess)


def test_without_a_space_only_what_lies_beyond_is_stretched():
    image = torch.tensor([0.2, 0.4]).expand(3, 1, 2)
    assert pixels_of(image)[0, :, 0].tolist() == [51, 102]
    assert pixels_of(image * 10 - 5)[0, :, 0].tolist() == [0, 255]
    assert pixels_of(image * 0 - 5).max() == 0
    clipped = Space(np.zeros(1), np.ones(1))
    assert pixels_of(image * 10 - 3, clipped)[0, :, 0].tolist() == [0, 255]


def test_pictures_stay_as_they_are():
    for given in (PICTURE, Image.fromarray(PICTURE)):
        np.testing.assert_array_equal(pixels_of(given), PICTURE)
    np.testing.assert_array_equal(pixels_of(PICTURE[..., :1]), pixels_of(PICTURE[..., 0]))
    assert pixels_of(Image.new("RGBA", (2, 1))).shape == (1, 2, 3)
    for wrong in (PICTURE / 255, PICTURE[..., :2], PICTURE[None]):
        with pytest.raises(ValueError, match="`images` must hold tensors"):
            pixels_of(wrong)


def test_clips_are_pictures_frame_by_frame():
    space = Space(np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.7]))
    frames = torch.rand(3, 4, 5, 6, dtype=torch.float64)
    found = pixels_of(frames, space)
    assert found.shape == (4, 5, 6, 3) and found.dtype == np.uint8
    for number, frame in enumerate(found):
        np.testing.assert_array_equal(frame, pixels_of(frames[:, number], space))
