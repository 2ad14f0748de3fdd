"""A chunk's file is whole or it is said why not, without decoding it."""

import numpy as np
import pytest
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from pyxai.engine.store.chunk_file import encoded, file_fault, read_chunk
from tests.engine.conftest import flip


def made(tmp_path, values: np.ndarray, checked: bool = True):
    """The file of a chunk, as Zarr writes it."""
    codecs = [ZstdCodec(level=0), *([Crc32cCodec()] if checked else [])]
    array = zarr.create_array(
        str(tmp_path / "a"), shape=values.shape, chunks=values.shape, dtype=values.dtype,
        compressors=codecs, overwrite=True, config={"write_empty_chunks": True},
    )  # fmt: skip
    array[:] = values
    return tmp_path.joinpath("a", "c", *"0" * values.ndim)


RANDOM = np.random.default_rng(0)
VALUES = {
    "one byte": np.zeros(1, np.uint8),
    "status": np.ones(64, np.uint8),
    "256": RANDOM.integers(0, 255, 256, dtype=np.uint8),
    "zeros of several blocks": np.zeros((64, 224, 224), np.float32),
    "noise of several blocks": RANDOM.normal(size=(64, 3, 64, 64)).astype(np.float32),
    "64 kB": RANDOM.integers(0, 9, 65536, dtype=np.uint8),
    "both": np.concatenate([np.zeros(300000), RANDOM.normal(size=300000)]),
}


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("checked", [True, False])
def test_a_chunk_is_written_as_zarr_would(tmp_path, name, checked):
    values = VALUES[name]
    whole = made(tmp_path, values, checked).read_bytes()
    assert encoded(values, len(values), 0, checked) == whole
    assert (
        encoded(values[::-1][::-1].astype(values.dtype.newbyteorder(">")), len(values), 0, checked) == whole
    )


def test_the_last_chunk_is_filled_up_as_zarr_would(tmp_path):
    array = zarr.create_array(
        tmp_path / "a", shape=(100, 3), chunks=(64, 3), dtype="float32", fill_value=np.nan,
        compressors=[ZstdCodec(level=0), Crc32cCodec()],
    )  # fmt: skip
    array[:] = values = RANDOM.normal(size=(100, 3)).astype(np.float32)
    whole = tmp_path.joinpath("a", "c", "1", "0").read_bytes()
    assert encoded(values[64:], 64, float("nan"), True) == whole


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("checked", [True, False])
def test_what_zarr_writes_is_whole_and_no_part_of_it_is(tmp_path, name, checked):
    values = VALUES[name]
    file = made(tmp_path, values, checked)
    size, data = values.nbytes, file.read_bytes()
    for contents in (False, True):
        assert file_fault(file, size, checked, contents) is None
    assert read_chunk(file, size, checked) == data
    assert "in place of" in file_fault(file, size + 1, checked, False)
    for length in {*range(min(len(data), 40)), *np.linspace(0, len(data) - 1, 20, dtype=int).tolist()}:
        file.write_bytes(data[:length])
        assert file_fault(file, size, checked, False), f"cut to {length} of {len(data)} bytes"
    file.write_bytes(data + b"\0")
    assert file_fault(file, size, checked, False) == "is damaged: longer than it says"
    file.write_bytes(bytes(len(data)))  # a disk that lost power
    assert file_fault(file, size, checked, False) == "is damaged: no compressed chunk"


def test_every_flipped_bit_is_found_by_the_checksum(tmp_path):
    values = RANDOM.integers(0, 3, 30, dtype=np.uint8)
    file = made(tmp_path, values)
    for bit in range(8 * len(file.read_bytes())):
        flip(file, bit)
        assert file_fault(file, values.nbytes, True, True), f"bit {bit}"
        flip(file, bit)
    assert file_fault(file, values.nbytes, True, True) is None


def test_hostile_headers_are_not_believed(tmp_path):
    file = tmp_path / "0"
    size = 2**20
    holds = size.to_bytes(4, "little")
    for blocks, message in (
        (b"\x08\0\0x" * 5000 + b"\1\0\0", "too many blocks"),
        (b"\0\0\0" * 10, "no such block"),
        (b"\xff\xff\xff", "no such block"),
        (b"\x02\xff\xff", "no such block"),
        (b"\x84\x3e\0", "is cut off"),
    ):
        file.write_bytes(b"\x28\xb5\x2f\xfd\xa0" + holds + blocks + b"abcd" * 3)
        assert message in file_fault(file, size, True, True), message


def test_what_is_no_file(tmp_path):
    assert file_fault(tmp_path / "0", 1, True, True) == "is missing"
    with pytest.raises(FileNotFoundError):
        read_chunk(tmp_path / "0", 1, True)
    (tmp_path / "0").touch()
    assert file_fault(tmp_path / "0", 1, True, True) == "is empty"
    (tmp_path / "link").symlink_to(tmp_path / "0")
    assert file_fault(tmp_path / "link", 1, True, True) == "is a link"
    assert file_fault(tmp_path, 1, True, True) == "cannot be read: Is a directory"
