"""What stands beside a model becomes preprocessing or is refused: never ignored."""

import types

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.called import Called
from pyxai.engine.models.settings import preprocessing
from tests import torchvision_shim


class Grey:
    channels = "L"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (Preprocess(crop=4), Preprocess(crop=4)),
        ({"mean": (0.5,), "std": [0.2], "crop": 8}, Preprocess(crop=8, mean=(0.5,), std=(0.2,))),
        ({}, Preprocess()),
        (Grey, Preprocess(channels="L")),
        (Grey(), Preprocess(channels="L")),
        (types.SimpleNamespace(crop=8, mean=0.5, other=1), Preprocess(crop=8, mean=(0.5,))),
        (
            {"input_size": (3, 224, 224), "crop_pct": 0.875, "mean": (0.5,) * 3, "std": (0.2,) * 3,
             "crop_mode": "center",
             "interpolation": "bicubic"},
            Preprocess(resize=256, crop=224, mean=(0.5,) * 3, std=(0.2,) * 3, interpolation="bicubic"),
        ),
        (
            {"size": {"shortest_edge": 40}, "crop_size": 32, "image_mean": [0.5] * 3,
             "image_std": [0.2] * 3, "resample": 3},
            Preprocess(resize=40, crop=32, mean=(0.5,) * 3, std=(0.2,) * 3, interpolation="bicubic"),
        ),
    ],
)  # fmt: skip
def test_settings(given, wanted):
    assert preprocessing(given, "net.py:net") == wanted


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"men": (0.5,)}, r"no preprocessing setting 'men' \(did you mean 'mean'\?\); known are resize"),
        ({"mean": (0.5,), 3: 4}, "no preprocessing setting 3"),
        ({"mean": (0.5, 0.4)}, "`mean` must have 1 or 3 values"),
        ({"mean": "grey"}, "preprocessing cannot be read"),
        ({"crop": 4, "image_mean": [0.5] * 3}, "settings of several conventions"),
        ({"input_size": (3, 9, 9), "crop_pct": 1, "mean": (0,), "std": (1,), "interpolation": "nearest",
          "crop_mode": "squash"}, "crop_mode 'squash'"),
        ({"input_size": (3, 9, 9)}, "preprocessing cannot be read"),
        (object(), "must return a function of a picture, a dictionary of settings or .* got object"),
        ("imagenet", "got str"),
        (["resize"], "got list"),
        (dict, "got type"),
    ],
)  # fmt: skip
def test_what_is_none_is_refused(given, message):
    with pytest.raises(InputError, match=f"^net.py:net.*{message}"):
        preprocessing(given, "net.py:net")


class Callable(Grey):
    """Has settings and is a function: what it does decides, for it may do more than its settings say."""

    def __call__(self, image):
        return np.float32(image)[None]


def test_functions_are_called():
    function = Callable()
    assert preprocessing(function, "net.py:net") == Called(function, "net.py:net")
    assert isinstance(preprocessing(lambda image: image, "net.py:net"), Called)


PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 40, 3), dtype=np.uint8))


def test_transforms_of_torchvision():
    pytest.importorskip("torchvision")
    torchvision_shim.install()
    from torchvision import transforms
    from torchvision.models import ResNet18_Weights
    from torchvision.transforms import v2

    steps = [transforms.Resize(36), transforms.CenterCrop(32), transforms.ToTensor()]
    compose = transforms.Compose([*steps, transforms.Normalize((0.5,) * 3, (0.2,) * 3)])
    settings = Preprocess(resize=36, crop=32, mean=(0.5,) * 3, std=(0.2,) * 3)
    import torch

    wanted = settings.normalise(torch.from_numpy(settings.picture(PICTURE))[None])[0].numpy()
    found = preprocessing(compose, "net.py:net").picture(PICTURE)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    preset = preprocessing(ResNet18_Weights.DEFAULT.transforms(), "net.py:net").picture(PICTURE)
    assert preset.shape == (3, 224, 224)
    newer = v2.Compose(
        [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize((0.5,) * 3, (0.2,) * 3)]
    )
    assert preprocessing(newer, "net.py:net").picture(PICTURE).shape == (3, 50, 40)


def test_transforms_of_timm():
    timm = pytest.importorskip("timm")
    config = {
        "input_size": (3, 32, 32),
        "interpolation": "bilinear",
        "mean": (0.5,) * 3,
        "std": (0.2,) * 3,
        "crop_pct": 0.9,
    }
    called = preprocessing(timm.data.create_transform(**config, is_training=False), "net.py:net")
    settings = preprocessing({**config, "crop_mode": "center"}, "net.py:net")
    assert isinstance(called, Called) and isinstance(settings, Preprocess)
    import torch

    wanted = settings.normalise(torch.from_numpy(settings.picture(PICTURE))[None])[0].numpy()
    np.testing.assert_allclose(called.picture(PICTURE), wanted, atol=1e-6)


def test_processors_of_transformers():
    pytest.importorskip("transformers")
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    processor = ViTImageProcessorPil(size={"height": 32, "width": 32})
    found = preprocessing(processor, "net.py:net").picture(PICTURE)
    assert found.shape == (3, 32, 32)
    wanted = processor(PICTURE, return_tensors="np")["pixel_values"][0]
    np.testing.assert_array_equal(found, wanted)
