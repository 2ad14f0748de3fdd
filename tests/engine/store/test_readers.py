"""Zarr, xarray and pandas read a store as it is, without a warning."""

import warnings

import numpy as np
import pytest
import zarr

from pyxai import engine
from pyxai.engine import Job
from pyxai.engine.status import MEANING


@pytest.fixture
def store(job):
    return engine.run(job(target="top2", keep="both")).store


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_zarr(store):
    wanted = engine.open(store).arrays
    group = zarr.open_group(str(store), mode="r")
    found = dict(group.members())
    assert set(found) == {*wanted, "status"}
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name][:], array[:])
    assert group.attrs["method"] == "integrated_gradients" and group.attrs["format_version"] == 1
    assert group["attribution"].metadata.dimension_names == ("row", "target_number", "channel", "y", "x")


def test_xarray_and_pandas(store):
    xarray, pandas = pytest.importorskip("xarray"), pytest.importorskip("pandas")
    found = xarray.open_zarr(store)
    assert dict(found.sizes) == {"row": 150, "target_number": 2, "channel": 3, "y": 12, "x": 12}
    run = engine.open(store)
    np.testing.assert_array_equal(found["heatmap"].values, run[:].heatmap())
    np.testing.assert_array_equal(found.attribution.sum("channel").values.shape, run[:].heatmap().shape)
    words = [meaning.replace(" ", "_") for meaning in MEANING.values()]
    assert found.status.attrs["flag_meanings"].split() == words
    assert list(found.status.attrs["flag_values"]) == list(MEANING)
    assert all("long_name" in found[name].attrs for name in found)
    table = found[["evaluations", "status"]].to_dataframe()
    table["path"] = pandas.read_json(store / "paths.jsonl", lines=True)["path"]
    assert len(table) == 150 and table.path[3] == run.paths[3] and (table.status == 1).all()
    numbers = found[["target", "score", "residual"]].to_dataframe()
    assert numbers.loc[(7, 1), "score"] == run[7].score[0, 1]


def test_each_size_of_several(mixed, tmp_path):
    xarray = pytest.importorskip("xarray")
    out = tmp_path / "run.zarr"
    engine.run(Job(model=None, data=mixed, out=out, method="spectral_residual"))
    assert dict(xarray.open_zarr(out / "24x30").sizes) == {"row": 3, "y": 24, "x": 30}
    assert zarr.open_group(str(out), mode="r")["24x30/heatmap"].shape == (3, 24, 30)
