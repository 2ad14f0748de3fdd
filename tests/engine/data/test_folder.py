"""Folders: by content, through links, each folder once, and what is left out is named."""

import os
import shutil

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError


def save(path, number: int = 0, kind: str = "PNG"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(path, kind)


def left_out(folder) -> dict[str, int]:
    return dict(open_source(folder).listing().left_out.counts)


def test_hidden_files_and_other_files_are_left_out_and_named(tmp_path):
    for name in ("a.png", ".hidden.png", "b.JPG", ".cache/c.png", "__MACOSX/d.png"):
        save(tmp_path / name)
    for number in range(5):
        (tmp_path / f"readme{number}.txt").write_text("text")
    listing = open_source(tmp_path).listing()
    assert listing.names == ["a.png", "b.JPG"]
    assert dict(listing.left_out.counts) == {"hidden": 3, "not a picture": 5}
    assert len(listing.left_out.names["not a picture"]) == 3
    assert str(listing.left_out).count("…") == 1
    assert "3 hidden (" in str(listing.left_out) and ".cache" in str(listing.left_out)


def test_pictures_are_known_by_their_content(tmp_path):
    save(tmp_path / "picture.txt", 1, "JPEG")
    save(tmp_path / "no_ending", 2)
    save(tmp_path / "jpeg.png", 3, "JPEG")
    (tmp_path / "text.png").write_text("no picture")  # called one: a row, which fails
    (tmp_path / "empty").touch()
    source = open_source(tmp_path)
    assert source.names() == ["jpeg.png", "no_ending", "picture.txt", "text.png"]
    assert left_out(tmp_path) == {"not a picture": 1}
    assert read_row(source, "no_ending", Preprocess(), None)[0, 0, 0] == 2
    with pytest.raises(RowError, match="not a picture"):
        read_row(source, "text.png", Preprocess(), None)


def test_what_is_called_a_picture_and_is_of_another_kind_is_none(tmp_path):
    """EPS would be given to Ghostscript, which runs programs."""
    (tmp_path / "a.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"
    )
    Image.new("RGB", (4, 4)).save(tmp_path / "b.png", "ICO")
    source = open_source(tmp_path)
    for name in source.names():
        with pytest.raises(RowError, match="not a picture, or a damaged header"):
            read_row(source, name, Preprocess(), None)


def test_links_are_followed_and_every_folder_is_read_once(tmp_path):
    save(tmp_path / "elsewhere" / "a.png")
    save(tmp_path / "elsewhere" / "below" / "b.png")
    save(tmp_path / "data" / "own" / "c.png")
    data = tmp_path / "data"
    (data / "linked").symlink_to(tmp_path / "elsewhere")
    (data / "again").symlink_to("own")  # is there already, and a link comes after what it leads to
    (data / "own" / "circle").symlink_to(data)
    (tmp_path / "elsewhere" / "up").symlink_to("..")  # to the folder above the data, which holds it
    (data / "file.png").symlink_to(tmp_path / "elsewhere" / "a.png")  # a link to a file is a row of its own
    names = open_source(data).names()
    assert names[:4] == ["file.png", "linked/a.png", "linked/below/b.png", "own/c.png"]
    assert len(names) == 4
    assert left_out(data)["folder that is there already"] >= 3
    assert open_source(data).read("linked/below/b.png", Preprocess()).shape == (3, 4, 5)


def test_a_chain_of_links(tmp_path):
    save(tmp_path / "real" / "a.png")
    (tmp_path / "data").mkdir()
    (tmp_path / "one").symlink_to("real")
    (tmp_path / "data" / "two").symlink_to(tmp_path / "one")
    assert open_source(tmp_path / "data").names() == ["two/a.png"]


@pytest.mark.timeout(20)
def test_pipes_and_devices_are_left_out_wherever_they_are(tmp_path):
    save(tmp_path / "data" / "a.png")
    os.mkfifo(tmp_path / "data" / "x.jpg")
    os.mkfifo(tmp_path / "data" / "no_ending")
    (tmp_path / "elsewhere").mkdir()
    os.mkfifo(tmp_path / "elsewhere" / "y.png")
    (tmp_path / "data" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "zero.png").symlink_to("/dev/zero")
    assert open_source(tmp_path / "data").names() == ["a.png"]
    assert left_out(tmp_path / "data") == {"a pipe": 3, "a device": 1}


@pytest.mark.timeout(20)
def test_a_file_that_becomes_a_pipe_is_a_failed_row(tmp_path):
    save(tmp_path / "a.png")
    source = open_source(tmp_path)
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(RowError, match="is a pipe"):
        read_row(source, "a.png", Preprocess(), None)


def test_a_link_that_leads_nowhere_is_a_failed_row_where_it_is_called_a_picture(tmp_path):
    save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("gone.png")
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "c").symlink_to("gone")
    source = open_source(tmp_path)
    assert source.names() == ["a.png", "b.png", "self.png"]
    assert left_out(tmp_path) == {"unreadable": 1}
    with pytest.raises(RowError, match="No such file"):
        read_row(source, "b.png", Preprocess(), None)


def test_folders_without_pictures_say_what_they_hold(tmp_path):
    with pytest.raises(InputError, match=r"no pictures .* in [^;]*$"):
        open_source(tmp_path).names()
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputError, match=r"no pictures .*; left out: 1 not a picture \(a\.txt\)$"):
        open_source(tmp_path).names()


def test_one_picture(tmp_path):
    save(tmp_path / "a.png", 7)
    shutil.copy(tmp_path / "a.png", tmp_path / "b")
    for name in ("a.png", "b"):
        source = open_source(tmp_path / name)
        assert (source.kind, source.names()) == ("picture", [name])
        assert source.read(name, Preprocess())[0, 0, 0] == 7
