"""A store read back."""

import numpy as np
import pytest
import torch

from pyxai import engine
from pyxai.engine import InputError
from tests.engine.conftest import picture


def test_rows_ranges_and_batches(job):
    run = engine.open(engine.run(job(keep="both")).store)
    assert len(run) == 150
    assert run.complete
    assert run.errors == []
    assert run.paths[0] == "even/0000.png"
    assert run[3:9].attribution.shape == (6, 3, 12, 12)
    assert torch.equal(run[-1].attribution, run[149].attribution)
    assert torch.equal(run[5].heatmap(), torch.from_numpy(run.arrays["heatmap"][5:6]))
    assert run[5].residual.shape == (1,)
    assert run[5].method == "integrated_gradients"
    assert torch.equal(torch.cat([batch.score for batch in run.batches(40)]), run[:].score)
    assert sum(1 for _ in run) == 150
    assert len(run[150:]) == 0
    assert "integrated_gradients of 150 images (150 ok)" in repr(run)
    with pytest.raises(IndexError):
        run[150]
    assert torch.equal(run[np.int64(3)].attribution, run[3].attribution)
    with pytest.raises(TypeError, match="rows must be a number or a range, got 'residual'; see `arrays`"):
        run["residual"]
    with pytest.raises(ValueError, match="step 1"):
        run[::2]


def test_heat_maps_alone_have_one_channel(job):
    run = engine.open(engine.run(job(method="gradient")).store)
    assert run[2].attribution.shape == (1, 1, 12, 12)
    assert run[2].residual is None
    np.testing.assert_array_equal(run[2].heatmap().numpy(), run.arrays["heatmap"][2:3])


def test_a_run_that_is_not_complete(job):
    engine.run(job(shard=(0, 2)))
    run = engine.open(job().out)
    assert not run.complete
    assert "86 ok" in repr(run) or "64 pending" in repr(run)
    assert torch.isnan(run[70].score).all()


def test_pictures_are_read_again(job, photos, tmp_path):
    run = engine.open(engine.run(job(preprocess={"resize": 10, "crop": 8})).store)
    assert run.image(0).shape == (8, 8, 3)
    whole = engine.open(engine.run(job(out=tmp_path / "whole.zarr")).store)
    row = whole.paths.index("odd/0007.png")
    np.testing.assert_array_equal(whole.image(row), np.asarray(picture(7)))


def test_pictures_that_are_gone_are_named(job, tmp_path):
    folder = tmp_path / "few"
    folder.mkdir()
    picture(1).save(folder / "a.png")
    picture(2).save(folder / "b.png")
    run = engine.open(engine.run(job(data=folder)).store)
    (folder / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png: .*No such file"):
        run.image(0)
    (folder / "b.png").unlink()
    folder.rmdir()
    with pytest.raises(InputError, match="no such file or folder"):
        run.image(1)
