"""Pictures as a batch."""

import types
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai.engine import InputError, Job
from tests.engine.conftest import TINY, picture

BGR = pyxai.Preprocess(8, 6, mean=(0.1, 0.2, 0.3), std=(0.5,), channels="BGR", scale=255.0)


@pytest.fixture
def files(tmp_path):
    for number in range(3):
        picture(number, 12).save(tmp_path / f"{number}.png")
    return sorted(tmp_path.iterdir())


def test_a_batch_is_what_a_run_explains(files, tmp_path):
    """To the bit, for a model with preprocessing of its own."""
    from tests.engine.tiny import prepared_net

    model, preprocess = prepared_net()
    images = pyxai.load_images(files, preprocess)
    assert images.shape == (3, 3, 12, 12) and images.dtype == torch.float32
    job = Job(f"{TINY}:prepared_net", tmp_path, tmp_path.parent / "run.zarr", "gradient", keep="attribution")
    pyxai.engine.run(job)
    found = pyxai.Explainer(model, "gradient", rows=pyxai.open(job.out).manifest["rows"])(images)
    assert torch.equal(found.attribution, pyxai.open(job.out)[:].attribution)


def test_one_path_and_no_preprocessing(files):
    images = pyxai.load_images(str(files[1]))
    np.testing.assert_array_equal(images[0].permute(1, 2, 0) * 255, np.asarray(Image.open(files[1])))


def test_pictures_of_pillow_are_read_like_their_files(files, tmp_path):
    turned = Image.new("RGBA", (5, 3), (250, 0, 0, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=exif)
    for given in ([Image.open(file) for file in files], [files[0], Image.open(files[1]), str(files[2])]):
        assert torch.equal(pyxai.load_images(given, BGR), pyxai.load_images(files, BGR))
    one = pyxai.load_images(Image.open(tmp_path / "turned.png"))
    assert one.shape == (1, 3, 5, 3) and torch.equal(one, pyxai.load_images(tmp_path / "turned.png"))
    transform = lambda image: torch.from_numpy(np.asarray(image) / 255).permute(2, 0, 1)  # noqa: E731
    assert torch.equal(
        pyxai.load_images(Image.open(files[0]), transform), pyxai.load_images(files[0], transform)
    )


def test_pictures_of_every_kind_come_upright(tmp_path):
    turned = Image.fromarray(np.uint8([[[255, 0, 0], [0, 0, 255]]]))
    exif = Image.Exif()
    exif[0x0112] = 6  # the first row is on the right
    turned.save(tmp_path / "turned.png", exif=exif)
    seen = []
    transform = lambda image: (seen.append(image.mode), torch.zeros(1, *image.size[::-1]))[1]  # noqa: E731
    assert pyxai.load_images(tmp_path / "turned.png", transform).shape == (1, 1, 2, 1)
    Image.new("LA", (3, 2), (0, 0)).save(tmp_path / "through.png")
    assert pyxai.load_images(tmp_path / "through.png").unique().tolist() == [1.0]
    pyxai.load_images(tmp_path / "through.png", transform)
    assert seen == ["RGB", "RGB"]


def test_preprocess_is_called_with_a_picture_its_path_or_an_array(files):
    wanted = pyxai.load_images(files[0], BGR)[0]
    opened = Image.open(files[0])
    for given in (files[0], str(files[0]), opened, np.asarray(opened)):
        assert torch.equal(BGR(given), wanted)
    floats = BGR(np.asarray(opened) / 255)
    assert (floats - wanted).abs().max() < 5  # of 0..255, resized before it is rounded
    five = np.random.default_rng(0).integers(0, 256, (4, 6, 5), dtype=np.uint8)
    assert torch.equal(pyxai.Preprocess(channels=5)(five), torch.tensor(five).permute(2, 0, 1) / 255)
    grey = pyxai.Preprocess(channels="L")
    assert grey(np.zeros((4, 5), np.uint8)).shape == grey(np.zeros((4, 5, 1))).shape == (1, 4, 5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.zeros((3, 8, 8), np.float32), "`picture` must .*, got float32 of shape"),
        (np.zeros((8, 8, 3), np.int32), "got int32 of shape"),
        (np.zeros((8, 8)), "`picture` must have 3 channels, got 1"),
        (3, "`picture` must .*, got int"),
        (Image.new("RGB", (400, 8)), None),
    ],
)
def test_what_preprocess_cannot_take(given, message):
    if message is None:
        assert BGR(given).shape == (3, 6, 6)
        return
    with pytest.raises(ValueError, match=f"^preprocess: .*{message}"):
        BGR(given)
    with pytest.raises(ValueError, match="the crop is 6"):
        pyxai.Preprocess(crop=6)(Image.new("RGB", (4, 4)))


def test_callables_of_other_packages(files):
    def transform(image):
        return torch.from_numpy(np.asarray(image, np.float64).transpose(2, 0, 1) / 255)

    images = pyxai.load_images(files, transform)
    assert images.dtype == torch.float32
    torch.testing.assert_close(images, pyxai.load_images(files))

    def processor(image):
        return {"pixel_values": [np.asarray(image, np.float32).transpose(2, 0, 1) / 255]}

    assert torch.equal(pyxai.load_images(files, processor), images)


@pytest.mark.parametrize(
    ("paths", "preprocess", "message"),
    [
        ([], None, "`paths` must name at least one picture"),
        ("gone.png", None, "no such file: .*gone.png"),
        (".", None, r"\. is a folder: give its pictures"),
        ("a.npy", None, r"a\.npy is an array and no picture"),
        (b"0.png", None, "`paths` must hold paths or pictures, got bytes"),
        ([np.zeros((4, 4, 3), np.uint8)], None, "`paths` must hold paths or pictures, got ndarray"),
        (3, None, "`paths` must hold paths or pictures, got int"),
        (["0.png", Image.new("RGB", (4, 4))], None, r"one shape.* of 0\.png, \(3, 4, 4\) of a picture"),
        (Image.new("RGB", (4, 4)), pyxai.Preprocess(channels=5), "5 channels that are no colours"),
        (Image.new("RGB", (4, 4)), pyxai.Preprocess(crop=30), "4x4 pixels, the crop is 30"),
        (Image.new("F", (4, 4)), None, "a picture cannot be read: .*float"),
        ("cut.png", None, "cannot read .*cut.png: "),
        ("zip.png", None, "not a picture"),
        (["0.png", "wide.png"], None, r"one shape.*\(3, 12, 12\) of .*0.png, \(3, 12, 20\) of .*wide.png"),
        ("0.png", 3, "`preprocess` must be a pyxai.Preprocess or a callable of a picture, got int"),
        (
            "0.png",
            lambda image: torch.zeros(3),
            r"must give floats .*, got float32 of shape",
        ),
        ("0.png", lambda image: image.nothing, "AttributeError"),
        ("0.png", types.SimpleNamespace(mean=1), "got SimpleNamespace"),
        ("0.png", pyxai.Preprocess(crop=30), "12x12 pixels, the crop is 30"),
    ],
)
def test_what_cannot_be_read_is_one_line(files, monkeypatch, paths, preprocess, message):
    folder = files[0].parent
    monkeypatch.chdir(folder)
    picture(3, 20).crop((0, 0, 20, 12)).save("wide.png")
    np.save("a.npy", np.zeros((2, 3, 4, 4), np.float32))
    (folder / "cut.png").write_bytes(files[0].read_bytes()[:80])
    with zipfile.ZipFile("zip.png", "w") as archive:
        archive.writestr("a", b"b")
    with pytest.raises(InputError, match=f"^load_images: .*{message}") as raised:
        pyxai.load_images(paths, preprocess)
    assert "\n" not in str(raised.value)
