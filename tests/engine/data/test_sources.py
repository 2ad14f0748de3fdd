"""Folders, zips and arrays name and read their images; what must be refused is."""

import zipfile

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError
from pyxai.engine.status import NOT_FINITE, UNREADABLE, WRONG_SIZE


@pytest.fixture
def zipped(photos, tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(photos.rglob("*.png"), reverse=True):
            archive.write(file, file.relative_to(photos))
        archive.writestr("notes.txt", "not a picture")
        archive.writestr("__MACOSX/even/._0000.png", b"resource fork")
    return path


def test_a_zip_has_the_names_pixels_and_ids_of_its_folder(photos, zipped):
    folder, archive = open_source(photos), open_source(zipped)
    names = folder.names()
    assert names == archive.names()
    assert names[0] == "even/0000.png"
    assert len(names) == 150
    for name in names[::40]:
        np.testing.assert_array_equal(folder.read(name, Preprocess()), archive.read(name, Preprocess()))
    np.testing.assert_array_equal(sample_ids(names), sample_ids(archive.names()))


def test_hidden_files_and_other_files_are_left_out(tmp_path):
    for name in ("a.png", ".hidden.png", "b.JPG", ".cache/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name, format="PNG")
    (tmp_path / "readme.txt").write_text("text")
    assert open_source(tmp_path).names() == ["a.png", "b.JPG"]


@pytest.mark.parametrize(
    "name", ["../evil.png", "/etc/evil.png", "a/../../evil.png", "..\\evil.png", "C:\\evil.png"]
)
def test_a_zip_that_points_outside_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(InputError, match="points outside of the archive"):
        open_source(tmp_path / "z.zip").names()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_zip_with_the_same_name_twice_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("a.png", b"1")
        archive.writestr("a.png", b"2")
    with pytest.raises(InputError, match=r"two members called 'a\.png'"):
        open_source(tmp_path / "z.zip").names()


def test_places_without_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        open_source(tmp_path).names()
    with pytest.raises(InputError, match="no such file or folder"):
        open_source(tmp_path / "nowhere")
    (tmp_path / "text.csv").write_text("a,b")
    with pytest.raises(InputError, match="neither a folder"):
        open_source(tmp_path / "text.csv")


@pytest.mark.parametrize("shape", [(3, 3, 6, 5), (3, 6, 5, 3), (3, 6, 5), (3, 1, 6, 5)])
def test_array_layouts(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.arange(3))
    channels = "RGB" if 3 in shape[1:2] + shape[3:] else "L"
    wanted = (
        pixels[1]
        if shape[1] in (1, 3)
        else pixels[1].transpose(2, 0, 1)
        if len(shape) == 4
        else pixels[1][None]
    )
    for file in ("a.npy", "a.npz"):
        source = open_source(tmp_path / file)
        assert source.names() == ["#0", "#1", "#2"]
        np.testing.assert_array_equal(source.read("#1", Preprocess(channels=channels)), wanted)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((2, 5, 6, 7), np.uint8), "must have shape"),
        (np.zeros((2, 3, 6, 7), np.int64), "must hold uint8 or float"),
        (np.array([{"code": 1}]), "cannot read"),
    ],
)
def test_arrays_that_are_not_images_are_refused(tmp_path, stored, message):
    np.save(tmp_path / "a.npy", stored, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        open_source(tmp_path / "a.npy").names()


def test_a_row_with_nan_fails_alone(tmp_path):
    pixels = np.zeros((3, 3, 4, 4), np.float32)
    pixels[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", pixels)
    source = open_source(tmp_path / "a.npy")
    with pytest.raises(RowError) as caught:
        read_row(source, "#1", Preprocess(), (3, 4, 4))
    assert caught.value.status == NOT_FINITE
    assert read_row(source, "#2", Preprocess(), (3, 4, 4)).dtype == np.float32


@pytest.mark.parametrize("pixels", [255.0, -0.5])
def test_a_row_of_floats_beyond_0_and_1_fails_alone(tmp_path, pixels):
    stored = np.ones((3, 3, 4, 4), np.float32)
    stored[1, 0, 0, 0] = pixels
    np.save(tmp_path / "a.npy", stored)
    source = open_source(tmp_path / "a.npy")
    with pytest.raises(RowError, match=r"floats must lie in \[0, 1\], got ") as caught:
        read_row(source, "#1", Preprocess(), (3, 4, 4))
    assert caught.value.status == UNREADABLE
    assert float(read_row(source, "#2", Preprocess(), (3, 4, 4)).max()) == 1


def test_damaged_pictures_say_why(tmp_path):
    Image.effect_noise((64, 64), 60).convert("RGB").save(tmp_path / "whole.jpg")
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not a picture at all")
    source = open_source(tmp_path)
    for name, status, reason in (
        ("cut.jpg", UNREADABLE, "truncated"),
        ("empty.png", UNREADABLE, "not a picture"),
        ("text.png", UNREADABLE, "not a picture"),
        ("gone.png", UNREADABLE, "No such file"),
        ("whole.jpg", WRONG_SIZE, "64x64 pixels, the run's images have 4x4"),
    ):
        with pytest.raises(RowError, match=reason) as caught:
            read_row(source, name, Preprocess(), (3, 4, 4))
        assert caught.value.status == status
