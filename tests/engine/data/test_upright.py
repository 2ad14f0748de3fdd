"""Every kind of picture file becomes 8-bit RGB or grey in the documented way."""

import numpy as np
import pytest
from PIL import Image

from pyxai.engine.data.upright import upright, upright_size


def reopened(image: Image.Image, path, **options) -> Image.Image:
    image.save(path, **options)
    return Image.open(path)


def pixels(image: Image.Image, mode: str = "RGB") -> np.ndarray:
    return np.asarray(upright(image, mode))


def test_sixteen_bits_keep_the_high_byte(tmp_path):
    values = (np.arange(16, dtype=np.uint16) * 4097).reshape(4, 4)
    image = reopened(Image.fromarray(values), tmp_path / "a.png")
    np.testing.assert_array_equal(pixels(image, "L"), values >> 8)
    np.testing.assert_array_equal(pixels(Image.open(tmp_path / "a.png"))[..., 2], values >> 8)


def test_cmyk_is_converted(tmp_path):
    image = reopened(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), tmp_path / "a.jpg", quality=95)
    assert image.mode == "CMYK"
    red, green, blue = pixels(image)[4, 4].astype(int)
    assert red > 240
    assert max(green, blue) < 15


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_shows_white(tmp_path, mode):
    image = Image.new("RGBA", (4, 4), (200, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, 2, 4))
    image = image.quantize(8) if mode == "P" else image.convert(mode)
    found = pixels(reopened(image, tmp_path / "a.png"))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 3].tolist() != [255, 255, 255]


def test_half_transparent_is_mixed_with_white(tmp_path):
    found = pixels(reopened(Image.new("RGBA", (2, 2), (0, 0, 0, 128)), tmp_path / "a.png"))
    assert abs(int(found[0, 0, 0]) - 127) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
def test_exif_orientation_is_applied(tmp_path, ending, orientation):
    image = Image.new("RGB", (16, 8), "black")
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = reopened(image, tmp_path / f"a.{ending}", exif=exif)
    size = upright_size(found)
    assert size == ((16, 8) if orientation >= 5 else (8, 16))
    assert upright(found, "RGB").size == size[::-1]


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert pixels(Image.open(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["1", "L", "YCbCr"])
def test_other_modes(tmp_path, mode):
    image = reopened(
        Image.new("RGB", (8, 8), "white").convert(mode), tmp_path / ("a.jpg" if mode == "YCbCr" else "a.png")
    )
    assert pixels(image).shape == (8, 8, 3)
    assert pixels(image).min() > 250


def test_pictures_without_a_defined_range_are_refused(tmp_path):
    with pytest.raises(ValueError, match="float pictures have no defined range"):
        upright(reopened(Image.new("F", (4, 4), 0.5), tmp_path / "a.tif"), "RGB")
    with pytest.raises(ValueError, match="beyond 16 bits"):
        upright(reopened(Image.new("I", (4, 4), 70000), tmp_path / "b.tif"), "RGB")
