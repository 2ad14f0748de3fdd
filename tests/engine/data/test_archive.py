"""Zips are read in place, by the rules of folders, and bounded."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError


def png(number: int = 0) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.full((4, 5, 3), number, np.uint8)).save(file, "PNG")
    return file.getvalue()


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
    assert dict(archive.listing().left_out.counts) == {"not a picture": 1, "hidden": 1}


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


def test_pictures_in_a_zip_are_known_by_their_content_and_links_are_not_followed(tmp_path):
    (tmp_path / "secret.png").write_bytes(png())
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("picture", png(9))
        link = zipfile.ZipInfo("link.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, str(tmp_path / "secret.png"))
    source = open_source(tmp_path / "z.zip")
    assert source.names() == ["link.png", "picture"]
    assert source.read("picture", Preprocess())[0, 0, 0] == 9
    with pytest.raises(RowError, match="not a picture"):
        read_row(source, "link.png", Preprocess(), None)


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_unpacks_to_too_much_is_a_failed_row_and_not_unpacked(tmp_path, monkeypatch, packing):
    with zipfile.ZipFile(tmp_path / "z.zip", "w", packing) as archive:
        archive.writestr("a.png", png())
        archive.writestr("bomb.png", png() + bytes(2**20))
        archive.writestr("zeros.png", bytes(2**20))  # may be that large, and begins as no picture does
    source = open_source(tmp_path / "z.zip", Limits(unpacked=2**20))
    assert read_row(source, "a.png", Preprocess(), None).shape == (3, 4, 5)
    with pytest.raises(RowError, match=r"unpacks to \d+ bytes, more than 1048576: see --max-unpacked"):
        read_row(source, "bomb.png", Preprocess(), None)
    read = []
    monkeypatch.setattr(zipfile.ZipExtFile, "read", lambda self, count=-1: read.append(count) or bytes(count))
    with pytest.raises(RowError, match="not a picture"):
        read_row(source, "zeros.png", Preprocess(), None)
    assert read == [32]


def damaged(path, place: bytes, offset: int, value: int) -> None:
    content = bytearray(path.read_bytes())
    content[content.find(place) + offset] = value
    path.write_bytes(content)


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param([(CENTRAL, 8, 1), (LOCAL, 6, 1)], "encrypted", id="encrypted"),
        pytest.param([(CENTRAL, 10, 77), (LOCAL, 8, 77)], "compression", id="unknown compression"),
        pytest.param(
            [(CENTRAL, 24, 40), (CENTRAL, 20, 40)], "CRC|truncated|damaged", id="less than it holds"
        ),
        pytest.param([(CENTRAL, 26, 9), (CENTRAL, 22, 9)], "EOF|truncated|CRC", id="more than it holds"),
        pytest.param([(CENTRAL, 16, 255)], "CRC", id="checksum"),
        pytest.param([(CENTRAL, 42, 255)], "BadZipFile", id="place"),
    ],
)
def test_damaged_members_fail_alone(tmp_path, change, reason):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png(3))
        archive.writestr("b.png", png(4))
    for place, offset, value in change:
        damaged(path, place, offset, value)
    source = open_source(path)
    assert source.names() == ["a.png", "b.png"]
    with pytest.raises(RowError, match=reason):
        read_row(source, "a.png", Preprocess(), None)
    assert read_row(source, "b.png", Preprocess(), None)[0, 0, 0] == 4


def test_archives_that_cannot_be_read_are_one_line(tmp_path):
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", png())
    whole = path.read_bytes()
    damaged(path, CENTRAL, 6, 255)
    with pytest.raises(InputError, match=r"cannot read the zip .*: zip file version 25\.5$"):
        open_source(path).names()
    path.write_bytes(whole[:-30] + b"PK\x05\x06" + b"\xff" * 18)
    with pytest.raises(InputError, match=r"cannot read the zip|neither a folder"):
        open_source(path).names()
