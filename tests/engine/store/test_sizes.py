"""The store of a run on pictures of several sizes."""

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai import saliency
from pyxai.engine import InputError, Job, run
from pyxai.engine.status import OK, UNREADABLE
from pyxai.engine.store.sheet import draw
from pyxai.engine.store.sizes import SizedRun, create, folder, is_by_size


def test_pictures_of_several_sizes(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual")
    summary = run(job)
    assert (summary.images, summary.done, summary.failed) == (11, 11, 1)
    stored = pyxai.open(job.out)
    assert isinstance(stored, SizedRun) and len(stored) == 11 and stored.complete
    assert stored.paths == sorted(stored.paths)
    assert set(stored.runs) == {(20, 20), (24, 30), (1, 1), (20, 1)}
    for row, path in enumerate(stored.paths):
        if path == "cut.png":
            assert stored.status[row] == UNREADABLE
            assert [(error["row"], error["path"]) for error in stored.errors] == [(row, path)]
            continue
        image = np.asarray(Image.open(mixed / path).convert("RGB"))
        assert stored.status[row] == OK and np.array_equal(stored.image(row), image)
        expected = saliency.spectral_residual(torch.from_numpy(image.copy()).permute(2, 0, 1)[None] / 255)
        torch.testing.assert_close(stored[row].heatmap(), expected)
    with pytest.raises(ValueError, match="runs"):
        stored[0:2]
    draw(stored, np.flatnonzero(stored.status == OK).tolist(), tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 500


def test_a_folder_is_built_whole_or_not_at_all(tmp_path):
    about = {"format_version": 1, "method": "spectral_residual"}
    manifest = {"format": "pyxai-runs-by-size", **about, "sizes": [[2, 3]]}
    create(tmp_path / "run.zarr", manifest, ["a.png"], [(2, 3)])
    assert (folder((2, 3)), is_by_size(tmp_path / "run.zarr"), is_by_size(tmp_path)) == ("2x3", True, False)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*run"):
        create(tmp_path / "file" / "run.zarr", manifest, ["a.png"], [(2, 3)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run.zarr"]
