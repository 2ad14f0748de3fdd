"""One job for each size of the pictures, where no model decides the size."""

import pytest
from PIL import Image

from pyxai.engine import InputError, Job
from pyxai.engine.runner.by_size import split
from pyxai.engine.runner.distributed import World
from pyxai.engine.store.sizes import is_by_size

HERE = World()


@pytest.fixture
def job(tmp_path):
    for name, size in {"a": (8, 6), "b": (4, 4), "c": (8, 6)}.items():
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    return Job(model=None, data=tmp_path, out=tmp_path / "run.zarr", method="spectral_residual")


def changed(job, **changes):
    return Job(**job.__dict__ | changes)


def test_one_job_for_each_size(job):
    parts = split(job, HERE)
    assert [(part.out.name, part.names) for part in parts] == [
        ("4x4", ("b.png",)),
        ("6x8", ("a.png", "c.png")),
    ]
    assert is_by_size(job.out)


def test_nothing_is_split_where_one_size_is_made_or_a_model_decides(job):
    for whole in (changed(job, preprocess={"resize": 4, "crop": 4}), changed(job, method="gradient")):
        assert split(whole, HERE) == [whole]
    assert not job.out.exists()


def test_the_store_of_other_pictures_is_refused(job):
    split(job, HERE)
    again = changed(job, resume=True)
    assert len(split(again, HERE)) == 2
    Image.new("RGB", (4, 4)).save(job.data / "d.png")
    with pytest.raises(InputError, match="made differently"):
        split(again, HERE)
    with pytest.raises(InputError, match="--resume"):
        split(job, HERE)
