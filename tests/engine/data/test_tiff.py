"""TIFF files of any number of channels, written here byte by byte."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.images import find_images
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.pictures import pixels_of
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.data.tiff import Stack, is_tiff
from pyxai.engine.errors import RowError


def tiff(
    planes: np.ndarray, order="<", deflate=False, predictor=1, tile=None, rows=None, planar=1, **changes
) -> bytes:
    """(C, H, W) samples as a TIFF; ``changes`` replace the values of tags, by ``t`` and number."""
    channels, height, width = planes.shape
    stored = planes.astype(planes.dtype.newbyteorder(order))
    block = (tile, tile) if tile else (rows or height, width)
    parts = []
    for plane in [stored] if planar == 1 else [stored[i : i + 1] for i in range(channels)]:
        for top in range(0, height, block[0]):
            for left in range(0, width, block[1]):
                part = plane[:, top : top + block[0], left : left + block[1]]
                if tile:
                    whole = np.zeros((len(plane), tile, tile), stored.dtype)
                    whole[:, : part.shape[1], : part.shape[2]] = part
                    part = whole
                part = part.transpose(1, 2, 0)
                if predictor == 2:
                    part = np.concatenate([part[:, :1], np.diff(part, axis=1).astype(stored.dtype)], 1)
                content = np.ascontiguousarray(part).tobytes()
                parts.append(zlib.compress(content) if deflate else content)
    kind = {"u": 1, "i": 2, "f": 3}[planes.dtype.kind]
    tags = {
        256: [width],
        257: [height],
        258: [planes.dtype.itemsize * 8] * channels,
        262: [1],
        277: [channels],
    }
    tags |= {259: [8 if deflate else 1], 284: [planar], 317: [predictor], 339: [kind] * channels}
    tags |= {322: [tile], 323: [tile]} if tile else {278: [block[0]]}
    offsets, sizes = (324, 325) if tile else (273, 279)
    tags |= {offsets: [0] * len(parts), sizes: [len(part) for part in parts]}
    tags |= {int(name[1:]): value for name, value in changes.items()}
    extra = 8 + 2 + 12 * len(tags) + 4
    begins = extra + 4 * sum(len(values) for values in tags.values())
    if f"t{offsets}" not in changes:
        tags[offsets] = [begins + sum(map(len, parts[:index])) for index in range(len(parts))]
    entries, values_after = b"", b""
    for tag, values in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(values) > 1:
            place = extra + len(values_after)
            values_after += packed
            packed = struct.pack(f"{order}I", place)
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    head = (
        (b"II*\0" if order == "<" else b"MM\0*")
        + struct.pack(f"{order}IH", 8, len(tags))
        + entries
        + bytes(4)
    )
    return (head + values_after).ljust(begins, b"\0") + b"".join(parts)


PLANES = np.random.default_rng(0).integers(0, 256, (5, 9, 11), dtype=np.uint8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("deflate", [False, True])
@pytest.mark.parametrize("layout", [{}, {"rows": 4}, {"tile": 8}, {"planar": 2}, {"planar": 2, "tile": 4}])
@pytest.mark.parametrize("dtype_", ["u1", "u2", "i4", "f4"])
def test_every_layout_gives_the_samples(order, deflate, layout, dtype_):
    planes = PLANES.astype(dtype_) * (257 if dtype_ == "u2" else 1)
    file = io.BytesIO(tiff(planes, order, deflate, **layout))
    assert is_tiff(file)
    stack = Stack.of(file)
    assert (stack.size, stack.channels, stack.is_deep_colour) == ((9, 11), 5, dtype_ != "u1")
    found = stack.read(file)
    assert found.dtype == np.dtype(dtype_)
    np.testing.assert_array_equal(found, planes)


@pytest.mark.parametrize("layout", [{}, {"tile": 8}])
def test_the_predictor(layout):
    file = io.BytesIO(tiff(PLANES.astype("u2") * 200, deflate=True, predictor=2, **layout))
    np.testing.assert_array_equal(Stack.of(file).read(file), PLANES.astype("u2") * 200)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"t259": [5]}, "store it uncompressed or with deflate"),
        ({"t317": [3]}, "store it uncompressed or with deflate"),
        ({"t258": [8, 8, 8, 8, 16]}, "are not read"),
        ({"t258": [7] * 5}, "are not read"),
        ({"t274": [6]}, "that is to be turned"),
        ({"t256": [0]}, "without pixels"),
        ({"t257": [10**6]}, "number of blocks|truncated"),
        ({"t278": [2]}, "the number of blocks does not fit"),
        ({"t273": [10**9]}, "truncated"),
        ({"t279": [3]}, "truncated"),
        ({"t277": [2**31]}, "number of blocks|truncated|more than|array"),
    ],
)
def test_what_is_not_read_or_damaged_is_a_failed_row(tmp_path, changes, message):
    (tmp_path / "a.tif").write_bytes(tiff(PLANES, **changes))
    with pytest.raises(RowError, match=message):
        read_row(open_source(tmp_path), "a.tif", Preprocess(channels=5), None)


def test_tiles_that_are_a_bomb_are_refused():
    file = io.BytesIO(tiff(PLANES, tile=16, t322=[10**6], t323=[10**6]))
    with pytest.raises(ValueError, match="blocks of"):
        Stack.of(file).read(file)


def test_too_many_pixels_are_refused():
    with pytest.raises(ValueError, match="see --max-pixels"):
        pixels_of(io.BytesIO(tiff(PLANES)), Preprocess(channels=5), Limits(pixels=50))


def test_channels_are_the_models_or_the_row_fails(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(PLANES))
    source = open_source(tmp_path)
    np.testing.assert_array_equal(source.read("a.tif", Preprocess(channels=5)), PLANES)
    assert (source.size("a.tif"), source.channels("a.tif")) == ((9, 11), 5)
    for channels in ("RGB", 4, "L"):
        with pytest.raises(RowError, match="channels: 5, the model's input has"):
            read_row(source, "a.tif", Preprocess(channels=channels), None)
    colour = np.repeat(PLANES[:1], 6, 0)  # Pillow would take three of six for colours
    (tmp_path / "a.tif").write_bytes(tiff(colour, t262=[2], t338=[0, 0, 0]))
    with pytest.raises(RowError, match="channels: 6, the model's input has 3"):
        read_row(source, "a.tif", Preprocess(), None)


def test_a_model_that_says_nothing_of_its_channels_gets_those_of_the_files(tmp_path):
    (tmp_path / "a.tif").write_bytes(tiff(PLANES))
    assert find_images(tmp_path, Preprocess(), silent=True).shape == (5, 9, 11)
    with pytest.raises(InputError, match="channels: 5, the model's input has 3"):
        find_images(tmp_path, Preprocess())
    np.save(tmp_path / "a.npy", np.zeros((2, 7, 8, 9), np.uint8))
    assert find_images(tmp_path / "a.npy", Preprocess(), silent=True).preprocess.channels == 7
    Image.new("L", (4, 5)).save(tmp_path / "grey.png")  # pictures are colours unless somebody says --grey
    assert find_images(tmp_path / "grey.png", Preprocess(), silent=True).shape == (3, 5, 4)


def test_a_range_and_sixteen_bits(tmp_path):
    planes = PLANES.astype(np.uint16) * 16
    file = io.BytesIO(tiff(planes))
    np.testing.assert_array_equal(pixels_of(file, Preprocess(channels=5), Limits()), planes >> 8)
    file.seek(0)
    found = pixels_of(file, Preprocess(channels=5, range=(0, 4095)), Limits())
    np.testing.assert_allclose(found, planes / 4095, atol=1e-6)
    colours = io.BytesIO(tiff(planes[:3], t262=[2]))
    found = pixels_of(colours, Preprocess(range=(0, 4095)), Limits())
    np.testing.assert_allclose(found, planes[:3] / 4095, atol=1e-6)
    floats = io.BytesIO(tiff(planes.astype(np.float32)))
    with pytest.raises(ValueError, match="samples of float32 have no defined range: give --range"):
        pixels_of(floats, Preprocess(channels=5), Limits())
