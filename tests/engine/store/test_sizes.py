"""The store of a run on pictures of several sizes."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai import saliency
from pyxai.engine import InputError, Job, run
from pyxai.engine.status import OK, UNREADABLE
from pyxai.engine.store.sheet import draw
from pyxai.engine.store.sizes import FORMAT, SizedRun, create, folder, is_by_size, left_out, stored_sizes


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


MANIFEST = {
    "format": FORMAT,
    "format_version": 1,
    "method": "spectral_residual",
    "model": None,
    "source": {"kind": "folder", "path": "photos"},
    "images": {"count": 1, "names": "hash"},
    "sizes": [[2, 3]],
}
WRONG = {
    "format_version": [2, None, "1"],
    "method": [None, 5],
    "model": [{}, {"spec": "net"}],
    "source": [None, 5, {}],
    "source.limits": [5],
    "source.left_out": [5, {"hidden": 3}],
    "images": [None, 5, {"count": "1", "names": "hash"}, {"count": 1}],
    "sizes": [None, 5, [2, 3], [[2]], [[2, 0]], [["2", "3"]], {"2x3": 1}],
}


@pytest.mark.parametrize(("place", "value"), [(place, value) for place in WRONG for value in WRONG[place]])
def test_a_manifest_that_no_run_would_write_is_one_line(tmp_path, place, value):
    out = tmp_path / "run.zarr"
    create(out, MANIFEST, ["a.png"], [(2, 3)])
    assert stored_sizes(out) == [("a.png", (2, 3))] and left_out(out) == ""
    with pytest.raises(InputError, match="has not begun with the size 2x3"):
        pyxai.open(out)
    changed = json.loads(json.dumps(MANIFEST))
    *above, last = place.split(".")
    (changed[above[0]] if above else changed)[last] = value
    (out / "manifest.json").write_text(json.dumps(changed))
    message = rf"run\.zarr is damaged: `{place}[\w.]*` in manifest\.json must be .*, got "
    for read in (pyxai.open, stored_sizes, left_out):
        with pytest.raises(InputError, match=message):
            read(out)


def test_a_folder_is_built_whole_or_not_at_all(tmp_path):
    create(tmp_path / "run.zarr", MANIFEST, ["a.png"], [(2, 3)])
    assert (folder((2, 3)), is_by_size(tmp_path / "run.zarr"), is_by_size(tmp_path)) == ("2x3", True, False)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write .*run"):
        create(tmp_path / "file" / "run.zarr", MANIFEST, ["a.png"], [(2, 3)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "run.zarr"]
