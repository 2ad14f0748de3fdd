"""What may be the source of a run, and the reason a row has none of its images."""

import errno
import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError
from pyxai.engine.status import OUT_OF_REACH, UNREADABLE, WRONG_SIZE


def test_places_without_images_are_refused(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        open_source(tmp_path).names()
    for nowhere in (tmp_path / "nowhere", "a\0b", tmp_path / ("a" * 999)):
        with pytest.raises(InputError, match="no such file or folder"):
            open_source(nowhere)
    (tmp_path / "text.csv").write_text("a,b")
    with pytest.raises(InputError, match="neither a folder"):
        open_source(tmp_path / "text.csv")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["pipe", "pipe.npy", "pipe.zip", "pipe.png"])
def test_a_pipe_or_device_is_no_source(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(InputError, match="is a pipe: images are read from folders and regular files"):
        open_source(tmp_path / name)
    with pytest.raises(InputError, match="is a device"):
        open_source("/dev/zero")


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
        ("gone.png", OUT_OF_REACH, "No such file"),
        ("whole.jpg", WRONG_SIZE, "64x64 pixels, the run's images have 4x4"),
    ):
        with pytest.raises(RowError, match=reason) as caught:
            read_row(source, name, Preprocess(), (3, 4, 4))
        assert caught.value.status == status


@pytest.mark.parametrize("error", [PermissionError(13, "no"), OSError(5, "disk"), MemoryError("no memory")])
def test_what_the_system_does_not_give_is_no_fault_of_the_picture(tmp_path, monkeypatch, error):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    source = open_source(tmp_path)

    def refuse(*_):
        raise error

    monkeypatch.setattr(type(source), "open", refuse)
    with pytest.raises(RowError) as caught:
        read_row(source, "a.png", Preprocess(), None)
    assert caught.value.status == OUT_OF_REACH


@pytest.mark.parametrize("ending", ["zip", "npy", "npz"])
def test_a_container_that_the_system_refuses_for_a_moment_is_out_of_reach(tmp_path, monkeypatch, ending):
    file = tmp_path / f"a.{ending}"
    if ending == "zip":
        Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
        with zipfile.ZipFile(file, "w") as archive:
            archive.write(tmp_path / "a.png", "a.png")
    else:
        (np.save if ending == "npy" else np.savez)(file, np.zeros((1, 3, 4, 4), np.uint8))
    source = open_source(file)
    (name,) = source.names()
    os.utime(file, ns=(0, 0))  # what was opened for the listing is not asked again

    def refuse(path):
        raise OSError(errno.EMFILE, "Too many open files")

    for place in ("archive", "array"):
        monkeypatch.setattr(f"pyxai.engine.data.{place}.open_regular", refuse)
    with pytest.raises(RowError, match="Too many open files") as caught:
        read_row(source, name, Preprocess(), None)
    assert caught.value.status == OUT_OF_REACH
