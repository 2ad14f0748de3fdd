"""Decoding ahead of the model: every row once, in order, with its pixels or its reason."""

import threading

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import Preprocess
from pyxai.engine.data.called import Called
from pyxai.engine.data.decode import Block, Decoder, PictureWarning, Reader
from pyxai.engine.data.sources import open_source
from pyxai.engine.errors import RowError
from pyxai.engine.status import UNREADABLE
from tests.engine.conftest import fill_folder, picture


@pytest.fixture
def reader(tmp_path):
    fill_folder(tmp_path, 40)
    (tmp_path / "even" / "0004.png").write_bytes(b"nothing")
    return Reader(open_source(tmp_path), Preprocess(), (3, 12, 12))


def test_rows_come_in_the_order_asked_for_with_what_they_hold(reader):
    names = reader.source.names()
    rows = [*range(len(names) - 1, -1, -3), 2]
    with Decoder(reader, 0) as decoder:
        found = list(decoder.stream(rows, names, ahead=5))
    assert [row for row, _ in found] == rows
    for row, item in found:
        if names[row] == "even/0004.png":
            assert isinstance(item, RowError) and item.status == UNREADABLE
        else:
            wanted = np.asarray(picture(int(names[row][-8:-4]))).transpose(2, 0, 1)
            np.testing.assert_array_equal(item, wanted)
    assert any(isinstance(item, RowError) for _, item in found)


def test_rows_are_read_ahead_but_not_all_at_once(reader, monkeypatch):
    """After the first row came out, those asked for in advance are being read, and few more."""
    read, enough = [], threading.Event()

    def block(self, names):
        read.extend(names)
        if len(read) >= 32:
            enough.set()
        return Block(names, {})

    monkeypatch.setattr(Reader, "block", block)
    names = [str(row) for row in range(1000)]
    with Decoder(reader, 0) as decoder:
        stream = decoder.stream(list(range(1000)), names, ahead=32)
        assert next(stream) == (0, "0")
        assert enough.wait(20)
        assert len(read) <= 64
        assert [row for row, _ in stream] == list(range(1, 1000))


@pytest.mark.parametrize(
    ("preprocess", "own"), [(Preprocess(), True), (Preprocess(crop=8), True), (Preprocess(resize=8), False)]
)
def test_rows_that_are_but_copied_are_read_by_who_asks_for_them(tmp_path, preprocess, own):
    pixels = np.random.default_rng(0).integers(0, 256, (50, 3, 12, 12), np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    reader = Reader(open_source(tmp_path / "pixels.npy"), preprocess, (3, *preprocess.size(12, 12)))
    threads = set()

    class Seen(Reader):
        def row(self, name, notes):
            threads.add(threading.current_thread())
            return super().row(name, notes)

    with Decoder(Seen(reader.source, reader.preprocess, reader.shape), 0) as decoder:
        found = list(decoder.stream(list(range(50)), reader.source.names(), ahead=5))
    assert (threads == {threading.current_thread()}) is own
    for row, item in found:
        np.testing.assert_array_equal(item, preprocess.array(pixels[row]))


def test_no_rows(reader):
    with Decoder(reader, 0) as decoder:
        assert list(decoder.stream([], [], ahead=8)) == []


def test_what_is_assumed_of_pictures_is_said_once(tmp_path):
    """12 of 16 bits, in many pictures of which the header says nothing."""
    for number in range(40):
        Image.fromarray(np.full((4, 4), 4000, np.uint16)).save(tmp_path / f"{number:02}.png")
    reader = Reader(open_source(tmp_path), Preprocess(channels="L"), (1, 4, 4))
    names = reader.source.names()
    with Decoder(reader, 0) as decoder, pytest.warns(PictureWarning) as caught:
        assert len(list(decoder.stream(list(range(40)), names, ahead=40))) == 40
    assert [str(warning.message) for warning in caught] == [
        "00.png, and maybe others: its 16-bit samples use 12 bits and are taken as 16, which is dark: give "
        "--range 0,4095 if that is their range"
    ]


def test_preprocessing_that_is_a_function_runs_in_this_process(reader):
    called = Called(lambda image: np.zeros((3, 12, 12), np.float32), "mine")
    with Decoder(Reader(reader.source, called, (3, 12, 12)), 2) as decoder:
        found = list(decoder.stream([0, 1, 2], reader.source.names(), ahead=5))
    assert [row for row, item in found if not isinstance(item, RowError)] == [0, 1]
