"""Preprocessing that is a function is called, and what it gives is looked at."""

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai.engine import InputError
from pyxai.engine.data.called import Called
from pyxai.engine.data.images import find_images
from pyxai.engine.errors import RowError
from pyxai.engine.status import NOT_FINITE

PICTURE = Image.fromarray(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))


def tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255


@pytest.mark.parametrize(
    "form",
    [
        lambda image: tensor(image),
        lambda image: tensor(image)[None],
        lambda image: tensor(image).double(),
        lambda image: tensor(image).numpy(),
        lambda image: {"pixel_values": tensor(image)[None]},
        lambda image: {"pixel_values": [tensor(image).numpy()]},
        lambda image: tensor(image).requires_grad_(),
    ],
)
def test_forms_that_functions_give(form):
    found = Called(form, "mine").picture(PICTURE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, tensor(PICTURE).numpy(), rtol=1e-6)
    np.testing.assert_array_equal(Called(form, "mine").array(np.asarray(PICTURE).transpose(2, 0, 1)), found)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda image: None, r"must give floats of shape \(C, H, W\), got NoneType"),
        (lambda image: image, "got Image"),
        (lambda image: tensor(image)[0], r"got float32 of shape \(4, 5\)"),
        (lambda image: np.asarray(image), "got uint8 of shape"),
        (lambda image: tensor(image).expand(2, 3, 4, 5), r"got float32 of shape \(2, 3, 4, 5\)"),
        (lambda image: {"images": 1}, "got NoneType"),
        (lambda image: 1 / 0, "its preprocessing raised ZeroDivisionError: division by zero"),
        (lambda image: tensor(image) / 0, "gave NaN or infinity"),
    ],
)
def test_what_is_no_input_of_a_model_fails_as_a_row(function, message):
    with np.errstate(all="ignore"), pytest.raises(RowError, match=message) as caught:
        Called(function, "mine").picture(PICTURE)
    assert (caught.value.status == NOT_FINITE) == ("NaN" in message)


def test_a_function_of_pictures_is_given_no_floats():
    with pytest.raises(RowError, match="function of 8-bit pictures, got float32 of 3 channels"):
        Called(tensor, "mine").array(np.zeros((3, 4, 5), np.float32))


def test_only_the_mode_of_the_pictures_can_be_changed():
    called = Called(lambda image: np.float32(image)[None], "mine")
    assert called.changed({"channels": "L"}).mode == "L"
    with pytest.raises(
        InputError, match="of mine is a function, which --crop, --mean cannot change: leave them out"
    ):
        called.changed({"mean": (1,), "crop": 3})
    with pytest.raises(ValueError, match="is given 'RGB' or 'L' pictures, not 'BGR'"):
        called.changed({"channels": "BGR"})


def test_pictures_come_upright_and_one_size_is_that_of_the_first(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    PICTURE.save(tmp_path / "a.png", exif=exif)
    PICTURE.save(tmp_path / "b.png")
    seen = []
    found = find_images(tmp_path, Called(lambda image: seen.append(image.size) or tensor(image), "mine"))
    assert found.shape == (3, 5, 4)
    assert set(seen) == {(4, 5)}


def test_a_transform_of_training_is_refused(tmp_path):
    PICTURE.save(tmp_path / "a.png")
    noisy = Called(lambda image: tensor(image) + torch.rand(()), "mine")
    with pytest.raises(InputError, match="of mine must give the same for a picture twice, and does not"):
        find_images(tmp_path, noisy)
