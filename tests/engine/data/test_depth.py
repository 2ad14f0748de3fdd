"""Samples of more than 8 bits: by what the file says, by a range, and never dark without a word."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import Preprocess
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.pictures import pixels_of

GREY = Preprocess(channels="L")
SHADES = np.random.default_rng(0).random((6, 7))


def sixteen(bits: int, kind: str = "PNG", **options) -> io.BytesIO:
    """A grey picture whose samples use ``bits`` of 16."""
    file = io.BytesIO()
    Image.fromarray(np.round(SHADES * (2**bits - 1)).astype(np.uint16)).save(file, kind, **options)
    file.seek(0)
    return file


def with_chunk(file: io.BytesIO, kind: bytes, content: bytes) -> io.BytesIO:
    """A PNG with a chunk after its header."""
    whole = file.getvalue()
    chunk = struct.pack(">I", len(content)) + kind + content
    return io.BytesIO(whole[:33] + chunk + struct.pack(">I", zlib.crc32(kind + content)) + whole[33:])


def read(file, preprocess=GREY) -> tuple[np.ndarray, list[str]]:
    notes: list[str] = []
    return pixels_of(file, preprocess, Limits(), notes)[0], notes


def test_sixteen_bits_keep_the_high_byte():
    pixels, notes = read(sixteen(16))
    np.testing.assert_array_equal(pixels, np.round(SHADES * 65535).astype(np.uint16) >> 8)
    assert (pixels.dtype, notes) == (np.uint8, [])


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_fewer_bits_are_said_to_be_dark_where_the_file_says_nothing(bits, kind):
    pixels, (note,) = read(sixteen(bits, kind))
    assert pixels.max() < 64
    assert note.startswith(f"its 16-bit samples use {bits} bits") and f"--range 0,{2**bits - 1}" in note


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_what_a_png_says_of_its_bits_is_used(bits):
    pixels, notes = read(with_chunk(sixteen(bits), b"sBIT", bytes([bits])))
    assert notes == []
    assert np.abs(pixels / 255 - SHADES).max() < 0.01
    full, _ = read(
        with_chunk(sixteen(16), b"sBIT", bytes([bits]))
    )  # stretched over all bits, as the format asks
    np.testing.assert_array_equal(full, read(sixteen(16))[0])


@pytest.mark.parametrize("greatest", [1023, 4095, 3000])
def test_what_a_tiff_says_of_its_greatest_sample_is_used(greatest):
    file = io.BytesIO()
    Image.fromarray(np.round(SHADES * greatest).astype(np.uint16)).save(
        file, "TIFF", tiffinfo={281: greatest}
    )
    file.seek(0)
    pixels, notes = read(file)
    assert notes == []
    assert np.abs(pixels / 255 - SHADES).max() < 0.01


def test_twelve_bits_packed_in_a_tiff():
    """Two samples in three bytes, which Pillow writes none of."""
    values = np.round(SHADES[:, :6] * 4095).astype(np.uint16)
    pairs = values.reshape(-1, 2).astype(np.uint32)
    packed = np.stack([pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], 1)
    entries = [(256, 3, 6), (257, 3, 6), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 128), (277, 3, 1),
               (278, 3, 6), (279, 4, packed.size)]  # fmt: skip
    head = b"II*\0" + struct.pack("<IH", 8, len(entries))
    head += b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries) + bytes(4)
    pixels, notes = read(io.BytesIO(head.ljust(128, b"\0") + packed.astype(np.uint8).tobytes()))
    np.testing.assert_array_equal(pixels, values >> 4)
    assert notes == []


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_range_makes_floats_of_every_picture_of_a_run(mode):
    preprocess = Preprocess(channels=mode, range=(0, 4095))
    deep, notes = read(sixteen(12), preprocess)
    assert (deep.dtype, notes) == (np.float32, [])
    np.testing.assert_allclose(deep, SHADES, atol=1 / 4095)
    eight = io.BytesIO()
    Image.fromarray(np.round(SHADES * 255).astype(np.uint8)).save(eight, "PNG")
    np.testing.assert_allclose(read(eight, preprocess)[0], SHADES, atol=1 / 255)
    with pytest.raises(ValueError, match=r"do not lie in --range 0,4095"):
        read(sixteen(16), preprocess)


@pytest.mark.parametrize("kind", [np.float32, np.int32])
def test_floats_and_long_integers_need_a_range(kind):
    file = io.BytesIO()
    values = (SHADES * 100000 - 5).astype(kind)
    Image.fromarray(values).save(file, "TIFF")
    for preprocess in (GREY, Preprocess(channels="L", range=(-5, 1000))):
        file.seek(0)
        with pytest.raises(ValueError, match=r"give --range|do not lie in --range"):
            read(file, preprocess)
    file.seek(0)
    found, _ = read(file, Preprocess(channels="L", range=(-5, 99995)))
    np.testing.assert_allclose(found, (values.astype(float) + 5) / 100000, atol=1e-6)


def test_dark_colours_of_sixteen_bits_are_said_to_be():
    """Pillow writes no such file, and keeps the high byte of one."""
    rows = np.round(np.stack([SHADES] * 3, -1) * 4095).astype(">u2")
    content = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", 7, 6, 16, 2, 0, 0, 0)), (b"IDAT", content), (b"IEND", b""))
    file = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + kind + part + struct.pack(">I", zlib.crc32(kind + part))
        for kind, part in chunks
    )
    pixels, (note,) = read(io.BytesIO(file), Preprocess())
    assert pixels.max() < 16
    assert note.startswith("its 16-bit colours use 12 bits")
    with pytest.raises(ValueError, match="of 16-bit colours the high byte is read, which has no --range"):
        read(io.BytesIO(file), Preprocess(range=(0, 4095)))


def test_a_black_picture_is_not_dark():
    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(file, "PNG")
    file.seek(0)
    assert read(file)[1] == []
