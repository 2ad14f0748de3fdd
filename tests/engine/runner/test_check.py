"""What can be said against a job before anything is loaded."""

import dataclasses

import pytest

from pyxai.engine import InputError, Job
from pyxai.engine.runner.check import check_bounds, check_out, checked, refuse_existing, share
from pyxai.engine.runner.distributed import World

JOB = Job("timm:resnet18", "photos", "run.zarr")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "gradeint"}, "no method 'gradeint'"),
        ({"keep": "all"}, "--keep must be one of heatmap, attribution, both, got 'all'"),
        ({"store_dtype": "int8"}, "--store-dtype must be one of float32, float16, got 'int8'"),
        ({"precision": "fp8"}, "--precision must be one of fp32, bf16, got 'fp8'"),
        ({"batch_size": 0}, "--batch-size must be at least 1, got 0"),
        ({"rows": 0}, "--rows must be at least 1, got 0"),
        ({"limit": 0}, "--limit must be at least 1, got 0"),
        ({"workers": -1}, "--workers must be at least 0, got -1"),
        ({"model": None}, "integrated_gradients explains a model: name it with --model"),
        ({"method": "entropy"}, "entropy looks at the images alone: leave out --model, "),
        ({"method": "entropy", "model": None, "target": 3}, "entropy looks at the images alone"),
    ],
)
def test_jobs_that_cannot_be_done(changes, message):
    with pytest.raises(InputError, match=message):
        checked(dataclasses.replace(JOB, **changes))


def test_what_the_method_declares_is_kept_unless_told():
    assert checked(JOB).keep == "heatmap"
    assert checked(dataclasses.replace(JOB, method="dxai")).keep == "attribution"
    assert checked(dataclasses.replace(JOB, keep="both")).keep == "both"


def test_chunks_are_shared_by_processes_or_by_shards():
    assert share(JOB, World()) == (0, 1)
    assert share(dataclasses.replace(JOB, shard=(1, 3)), World()) == (1, 3)
    assert share(JOB, World(rank=1, size=2)) == (1, 2)
    with pytest.raises(InputError, match="use one of them"):
        share(dataclasses.replace(JOB, shard=(1, 3)), World(rank=1, size=2))
    for shard in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(InputError, match="--shard must be i/n"):
            share(dataclasses.replace(JOB, shard=shard), World())


def test_the_place_of_a_store_must_be_free_or_meant(tmp_path):
    check_out(JOB, tmp_path / "new" / "run.zarr")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        check_out(JOB, tmp_path / "file" / "run.zarr")
    for job in (JOB, dataclasses.replace(JOB, resume=True), dataclasses.replace(JOB, shard=(1, 2))):
        with pytest.raises(
            InputError, match=r"file is a file, and a store is a folder: choose another --out$"
        ):
            check_out(job, tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match="exists: continue it with --resume, or choose another --out"):
        check_out(JOB, tmp_path / "folder")
    with pytest.raises(InputError, match="is not a run of pyxai"):
        check_out(dataclasses.replace(JOB, resume=True), tmp_path / "folder")
    refuse_existing(dataclasses.replace(JOB, shard=(1, 2)), tmp_path / "folder")


@pytest.mark.parametrize(
    ("method", "options", "needed"),
    [
        ("gradient", {}, ""),
        ("integrated_gradients", {}, ""),
        ("integrated_gradients", {"baseline": "black"}, "--set low=…"),
        ("integrated_gradients", {"baseline": "black", "low": 0.0}, ""),
        ("smoothgrad", {"of": "integrated_gradients", "of_options": {"baseline": "black"}}, "--set low=…"),
        ("lrp", {}, "--set low=… --set high=…"),
        ("lrp", {"low": -1.0}, "--set high=…"),
        ("lrp", {"low": -1.0, "high": 2.0}, ""),
    ],
)
def test_black_and_white_must_be_told_where_nobody_knows_them(method, options, needed):
    if not needed:
        check_bounds(method, options, "net.py:net")
        return
    with pytest.raises(InputError, match=rf"needs black and white .* as that of net\.py:net: give {needed}$"):
        check_bounds(method, options, "net.py:net")
