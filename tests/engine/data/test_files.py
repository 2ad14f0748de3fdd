"""Only regular files are opened, and pictures are known by how they begin."""

import io
import os
import socket

import pytest
from PIL import Image

from pyxai.engine.data.files import HEAD, is_picture, open_regular, what_is


def test_a_regular_file_is_read(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for name in ("a", "link"):
        with open_regular(tmp_path / name) as file:
            assert file.read() == b"content"


@pytest.mark.timeout(20)
def test_pipes_sockets_devices_and_folders_are_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "pipe")
    address = os.path.relpath(tmp_path / "socket")  # of a limited length
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(address)
        for name, kind in (
            ("pipe", "is a pipe"),
            ("link", "is a pipe"),
            ("socket", "socket"),
            ("", "irectory"),
        ):
            with pytest.raises(OSError, match=kind):
                open_regular(tmp_path / name)
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match=r"is a device$"):
            open_regular(device)
    with pytest.raises(OSError, match="No such file"):
        open_regular(tmp_path / "gone")
    assert what_is((tmp_path / "pipe").stat().st_mode) == "a pipe"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"])
def test_every_kind_of_picture_is_known_by_its_beginning(kind):
    for mode in ("RGB", "L"):
        file = io.BytesIO()
        Image.new(mode, (5, 4)).save(file, kind)
        assert is_picture(file.getvalue()[:HEAD])


OTHERS = (
    b"", b"P", b"P5", b"P5 is a road", b"BM", b"BMW is a car and no picture at all", b"RIFF0000WAVE", b"{}",
    b"%!PS-Adobe", b"PK\x03\x04", b"\x93NUMPY", b"GIF", b"\xff\xd8", bytes(32),
)  # fmt: skip


@pytest.mark.parametrize("head", OTHERS)
def test_other_files_are_none(head):
    assert not is_picture(head)
