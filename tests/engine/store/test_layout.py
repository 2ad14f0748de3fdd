"""What arrays look like, and which metadata are those of a store's array."""

import json

import numpy as np
import pytest
import zarr

from pyxai.engine.store.layout import (
    Layout,
    bytes_needed,
    check_entry,
    chunk_rows,
    fill_value,
    is_checked,
    layouts,
)
from tests.engine.conftest import made_manifest

MAPS = {"shape": [3, 4, 4], "dtype": "float32"}


def test_bytes_needed():
    arrays = {"heatmap": {"shape": [4, 4], "dtype": "float32"}, "target": {"shape": [], "dtype": "int64"}}
    assert bytes_needed(arrays, 1000) == 1000 * (4 * 16 + 8 + 1)


@pytest.mark.parametrize(
    ("shape", "rows"),
    [([224, 224], 64), ([512, 512], 63), ([1000, 3, 224, 224], 1), ([4000, 4000], 1), ([3, 600, 600], 15)],
)
def test_a_chunk_takes_64_mib_at_most_or_one_row(shape, rows):
    arrays = {"heatmap": {"shape": shape, "dtype": "float32"}, "score": {"shape": [], "dtype": "float32"}}
    assert chunk_rows(arrays, 10**6) == chunk_rows(arrays, 10) == rows
    assert rows == 1 or bytes_needed(arrays, rows) <= 2**26 < bytes_needed(arrays, rows + 1) or rows == 64


@pytest.mark.parametrize(
    ("side", "count", "rows"),
    [(32, 10, 64), (32, 4096, 64), (32, 20000, 312), (32, 10**6, 1021), (8, 10**9, 1024), (128, 10**6, 64)],
)
def test_a_chunk_of_small_rows_takes_4_mib_at_most_and_the_run_has_64_of_them(side, count, rows):
    arrays = {
        "heatmap": {"shape": [side, side], "dtype": "float32"},
        "score": {"shape": [], "dtype": "float64"},
    }
    assert chunk_rows(arrays, count) == rows
    assert rows == 64 or (bytes_needed(arrays, rows) <= 2**22 and count // rows >= 64)


def test_what_rows_without_a_result_hold():
    assert np.isnan(fill_value("score", "float32"))
    assert [fill_value(name, "int64") for name in ("target", "evaluations", "other")] == [-1, 0, 0]


def made(tmp_path, **entry) -> tuple[Layout, dict]:
    """An array of a manifest, and its metadata on the disk."""
    manifest = made_manifest({"attribution": {**MAPS, **entry}}, 100)
    layout = layouts(manifest)["attribution"]
    layout.create(zarr.create_group(str(tmp_path / "g")))
    return layout, json.loads((tmp_path / "g" / "attribution" / "zarr.json").read_text())


@pytest.mark.parametrize("kind", ["float32", "float16", "float64", "int64", "uint8", "bool"])
def test_what_is_created_is_known_again(tmp_path, kind):
    layout, found = made(tmp_path, dtype=kind)
    metadata = layout.metadata(found)
    assert is_checked(metadata)
    array = zarr.Array.from_dict(
        zarr.storage.StorePath(zarr.storage.LocalStore(tmp_path / "g"), "attribution"), metadata
    )
    assert np.array_equal(
        array[3], np.full((3, 4, 4), fill_value("attribution", kind)), equal_nan=kind[0] == "f"
    )
    assert metadata["dimension_names"] == ["row", "channel", "y", "x"]
    assert "long_name" in metadata["attributes"]
    assert layout.key(3) == "attribution/c/3/0/0/0"
    assert layout.chunk_bytes == 64 * 48 * np.dtype(kind).itemsize


def test_arrays_of_before_are_known_too(tmp_path):
    layout, found = made(tmp_path)
    del found["dimension_names"], found["storage_transformers"]
    found["codecs"].pop()
    assert not is_checked(layout.metadata({**found, "attributes": {}}))


@pytest.mark.parametrize(
    "change",
    [
        {"zarr_format": 2},
        {"node_type": "group"},
        {"shape": [10**12, 3, 4, 4]},
        {"data_type": "float64"},
        {"data_type": {"name": "fixed_length_utf32"}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [100, 3, 4, 4]}}},
        {"chunk_key_encoding": {"name": "v2", "configuration": {"separator": "."}}},
        {"fill_value": 0},
        {"codecs": []},
        {"codecs": None},
        {"codecs": [{"name": "numcodecs.pickle"}]},
        {"codecs": [{"name": "vlen-utf8"}, {"name": "zstd"}, {"name": "crc32c"}]},
        {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "blosc"}]},
        {"codecs": [{"name": "sharding_indexed", "configuration": {}}]},
        {"storage_transformers": [{"name": "x"}]},
        {"dimension_names": ["a", "b", "c", "d"]},
        {"attributes": [1]},
        {"must_understand": 1},
    ],
)
def test_other_metadata_are_refused_in_one_line(tmp_path, change):
    layout, found = made(tmp_path)
    with pytest.raises(ValueError, match=r"must be|is unknown") as error:
        layout.metadata({**found, **change})
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(ValueError, match="must hold an object"):
        layout.metadata([])


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("../up", MAPS),
        (".hidden", MAPS),
        ("a/b", MAPS),
        ("", MAPS),
        ("status", MAPS),
        ("a", []),
        ("a", {"shape": [3], "dtype": "object"}),
        ("a", {"shape": [3], "dtype": ["f4"]}),
        ("a", {"shape": [-3], "dtype": "float32"}),
        ("a", {"shape": [True], "dtype": "float32"}),
        ("a", {"shape": [3.0], "dtype": "float32"}),
        ("a", {"shape": [1] * 40, "dtype": "float32"}),
    ],
)
def test_entries_that_no_array_could_have(name, entry):
    check_entry("heat map", MAPS)
    with pytest.raises(ValueError, match=r"called|must"):
        check_entry(name, entry)
