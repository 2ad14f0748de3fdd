"""A run that says it is done is done, whatever happens to source, store or model in the middle of it."""

import dataclasses
import os
import shutil
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai import engine
from pyxai.engine import RunError
from pyxai.engine.runner import loop, pace
from pyxai.engine.runner.prepare import Prepared
from pyxai.engine.runner.progress import Progress
from pyxai.engine.status import MODEL_FAILED, OK, OUT_OF_REACH, PENDING, UNREADABLE
from pyxai.engine.store import store as store_module
from pyxai.engine.store.store import Store
from tests.engine.conftest import TINY, assert_same_arrays, fill_folder, flip, picture, stored_arrays


class At(Progress):
    """Does something once ``rows`` rows have come out."""

    def __init__(self, rows: int, act):
        self._left, self._act, self.said = rows, act, []

    def advance(self, rows, failed):
        self._left -= rows
        if self._left <= 0 and self._act:
            act, self._act = self._act, None
            act()

    def doing(self, what, limited=True):
        self.said.append(what)


@pytest.fixture
def at_once(monkeypatch):
    """What comes out is stored at once."""
    monkeypatch.setattr(pace.Pace, "is_time_to_store", lambda self: True)


def zipped(photos, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(photos.rglob("*.png")):
            archive.write(file, file.relative_to(photos))
    return path


def as_array(photos, path, flip: bool = False):
    pixels = [np.asarray(picture(number)).transpose(2, 0, 1) for number in range(150)]
    np.save(path, np.stack(pixels)[:: -1 if flip else 1])
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "npy"])
def test_a_source_that_goes_away_stops_the_run_and_costs_no_row(photos, job, tmp_path, kind):
    data = tmp_path / f"data.{kind}"
    if kind == "folder":
        shutil.copytree(photos, data)
    else:
        (zipped if kind == "zip" else as_array)(photos, data)
    whole = engine.run(job(data=data, method="saliency", out=tmp_path / "whole.zarr")).store
    away = tmp_path / "away"
    with pytest.raises(RunError, match=f"data.{kind} is gone since the run began: .* continue with --resume"):
        engine.run(job(data=data, method="saliency", batch_size=7), At(70, lambda: data.rename(away)))
    assert set(stored_arrays(job().out)["status"]) == {OK, PENDING}
    assert not engine.open(job().out).errors
    away.rename(data)
    engine.run(job(data=data, method="saliency", resume=True))
    assert_same_arrays(whole, job().out)


@pytest.mark.parametrize("kind", ["folder", "zip", "npy"])
def test_a_source_that_is_replaced_gives_no_row_of_the_other(photos, job, tmp_path, kind):
    """The other has the same names and, as pictures go, other contents."""
    data, other = tmp_path / f"data.{kind}", tmp_path / f"other.{kind}"
    if kind == "folder":
        shutil.copytree(photos, data)
        shutil.copytree(photos, other)
        names = sorted(other.rglob("*.png"))
        for file, number in zip(names, range(len(names), 0, -1), strict=True):
            picture(number).save(file)
    elif kind == "zip":
        zipped(photos, data)
        zipped(fill_folder(tmp_path / "others", 150, 12), other)
    else:
        as_array(photos, data)
        as_array(photos, other, flip=True)
    whole = stored_arrays(engine.run(job(data=data, method="saliency", out=tmp_path / "whole.zarr")).store)

    def replace():
        data.rename(tmp_path / "away")
        other.rename(data)

    with pytest.raises(RunError, match=f"data.{kind} was replaced, or written to, since the run began"):
        engine.run(job(data=data, method="saliency", batch_size=7), At(70, replace))
    found = stored_arrays(job().out)
    done = found["status"] == OK
    assert 64 <= done.sum() < 150
    np.testing.assert_array_equal(found["heatmap"][done], whole["heatmap"][done])


def test_pictures_out_of_reach_are_done_again_and_broken_ones_are_not(photos, job, tmp_path):
    data = shutil.copytree(photos, tmp_path / "photos")
    gone, broken = data / "odd" / "0007.png", data / "odd" / "0009.png"
    content = gone.read_bytes()
    gone.unlink()
    gone.symlink_to(tmp_path / "nowhere.png")
    broken.write_bytes(content[:100])
    summary = engine.run(job(data=data, method="saliency"))
    run = engine.open(summary.store)
    assert summary.failed == 2
    assert {error["path"]: error["status"] for error in run.errors} == {
        "odd/0007.png": OUT_OF_REACH,
        "odd/0009.png": UNREADABLE,
    }
    gone.unlink()
    gone.write_bytes(content)
    summary = engine.run(job(data=data, method="saliency", resume=True))
    assert (summary.rows, summary.failed) == (1, 1)
    assert [error["path"] for error in run.errors] == ["odd/0009.png"]
    picture(9).save(broken)
    assert engine.run(job(data=data, method="saliency", resume=True)).rows == 0
    summary = engine.run(job(data=data, method="saliency", resume=True, retry_failed=True))
    assert (summary.rows, summary.failed, run.errors) == (1, 0, [])
    whole = engine.run(job(data=photos, method="saliency", out=tmp_path / "whole.zarr")).store
    assert_same_arrays(whole, summary.store)


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            lambda out: shutil.rmtree(out, ignore_errors=True),
            "it was deleted, moved or replaced meanwhile|No such file or directory",
        ),
        (lambda out: out.rename(out.with_name("moved")), "meanwhile|No such file"),
        (
            lambda out: shutil.rmtree(out / "score", ignore_errors=True),
            "rows 0 to 63: `score` is missing|No such file",
        ),
        (
            lambda out: (out / "heatmap" / "c" / "0" / "0" / "0").unlink(),
            "rows 0 to 63: `heatmap` is missing",
        ),
        (lambda out: os.truncate(out / "status" / "c" / "0", 3), "rows 0 to 63: `status` is damaged"),
    ],
)
def test_a_store_that_is_deleted_moved_or_damaged_is_never_done(job, act, said, at_once):
    out = job().out
    with pytest.raises(RunError, match=f"({said}).* continue with --resume"):
        engine.run(job(method="saliency", batch_size=10), At(130, lambda: act(out)))


def test_a_moved_store_can_be_continued_where_it_is(job, tmp_path, at_once):
    whole = engine.run(job(method="saliency", out=tmp_path / "whole.zarr")).store
    moved = tmp_path / "moved.zarr"
    with pytest.raises(RunError):
        engine.run(job(method="saliency", batch_size=10), At(70, lambda: job().out.rename(moved)))
    assert not job().out.exists()
    engine.run(job(method="saliency", out=moved, resume=True))
    assert_same_arrays(whole, moved)


def test_what_came_out_is_stored_before_its_chunk_is_full(job, at_once, monkeypatch, tmp_path):
    whole = engine.run(job(out=tmp_path / "whole.zarr")).store

    def killed(self):
        raise KeyboardInterrupt

    def kill():  # nothing is stored any more
        monkeypatch.setattr(loop.Loop, "_commit", killed)

    with pytest.raises(KeyboardInterrupt):
        engine.run(job(batch_size=5), At(33, kill))
    status = stored_arrays(job().out)["status"]
    assert (status == OK).sum() == 31 and (status[:31] == OK).all()
    monkeypatch.undo()
    summary = engine.run(job(resume=True))
    assert summary.rows == 119
    assert_same_arrays(whole, job().out)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, RunError("stop"), MemoryError])
def test_a_run_that_is_stopped_stores_what_came_out(job, stop):
    def act():
        raise stop

    wanted = RunError if stop is MemoryError else type(stop) if isinstance(stop, Exception) else stop
    with pytest.raises(wanted):
        engine.run(job(batch_size=5), At(20, act))
    assert (stored_arrays(job().out)["status"] == OK).sum() == 21


def test_too_many_failures_stop_the_run_and_are_tried_again_where_asked(photos, job, tmp_path):
    data = shutil.copytree(photos, tmp_path / "photos")
    for number in range(0, 20, 2):
        (data / "even" / f"{number:04d}.png").write_bytes(b"broken")
    with pytest.raises(
        RunError, match=r"^4 of \d+ images failed, more than --max-failed 3 allows, the last one by "
    ):
        engine.run(job(data=data, max_failed="3"))
    assert len(engine.open(job().out).errors) == 4
    for number in range(0, 20, 2):
        picture(number).save(data / "even" / f"{number:04d}.png")
    summary = engine.run(job(data=data, resume=True, retry_failed=True, max_failed="0"))
    assert (summary.failed, summary.rows) == (0, 150)


def test_a_model_that_fails_for_all_images_stops_the_run_by_itself(job, monkeypatch):
    def fail(self, batch):
        raise ValueError("no such layer")

    monkeypatch.setattr(loop.Loop, "_explain", fail)
    with pytest.raises(
        RunError, match=r"65 of 65 images failed, more than --max-failed 90% allows.*no such layer"
    ):
        engine.run(job())
    status = stored_arrays(job().out)["status"]
    assert (status[:65] == MODEL_FAILED).all() and (status[65:] == PENDING).all()


def test_a_device_that_is_gone_stops_the_run_and_costs_no_row(job, monkeypatch, at_once):
    explain, calls = loop.Loop._explain, []

    def lose(self, batch):
        if len(calls) == 3:
            monkeypatch.setattr(torch, "ones", _gone)
            raise RuntimeError("CUDA error: unspecified launch failure")
        calls.append(batch)
        return explain(self, batch)

    def _gone(*_, **__):
        raise RuntimeError("CUDA error")

    monkeypatch.setattr(loop.Loop, "_explain", lose)
    with pytest.raises(
        RunError, match="the device cpu fails since this: CUDA error: unspecified launch failure"
    ):
        engine.run(job(batch_size=10))
    assert set(stored_arrays(job().out)["status"]) == {OK, PENDING}


def test_a_model_that_ends_the_program_is_an_error(job, monkeypatch):
    def leave(self, batch):
        raise SystemExit(0)

    monkeypatch.setattr(loop.Loop, "_explain", leave)
    with pytest.raises(RunError, match=r"the model ended the program by sys\.exit\(0\)"):
        engine.run(job())


def test_memory_that_ends_anywhere_is_one_line(job, monkeypatch):
    def none(self):
        raise MemoryError

    monkeypatch.setattr(Prepared, "capture", none)
    with pytest.raises(RunError, match=r"^out of memory: free some, and continue with --resume$"):
        engine.run(job())


def test_a_display_that_breaks_ends_the_run_with_its_reason(job):
    def broken():
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(RunError, match="Broken pipe"):
        engine.run(job(), At(1, broken))


def test_what_is_done_is_said_before_it_is_done(job, tmp_path):
    """So that a process that watches can name it: the images of a batch, and of one explained alone."""
    data = fill_folder(tmp_path / "some", 6)
    Image.new("RGB", (12, 12), "white").save(data / "even" / "0002.png")  # row 1
    heard = At(0, None)
    engine.run(job(data=data, model=f"{TINY}:touchy", method="gradient", options={}, batch_size=3), heard)
    said = [what for what in heard.said if not what.startswith(("reading what", "storing row"))]
    assert said == [
        "loading the model and trying it on one image",
        "capturing the model",
        "reading the first rows",
        "explaining row 0, even/0000.png",
        "explaining rows 1 to 3, even/0002.png to odd/0001.png",
        "explaining row 1, even/0002.png",
        "explaining row 2, even/0004.png",
        "explaining row 3, odd/0001.png",
        "explaining rows 4 to 5, odd/0003.png to odd/0005.png",
        "storing the last rows",
    ]
    after = heard.said.index("explaining rows 1 to 3, even/0002.png to odd/0001.png")
    assert heard.said[after - 1] == "reading what comes after row 2, even/0004.png"
    assert heard.said[after + 3] == "storing row 2, even/0004.png"


@pytest.mark.filterwarnings("ignore")  # capture says that this model cannot be captured
def test_a_first_image_that_the_model_cannot_take_costs_its_row_and_no_more(photos, job, tmp_path):
    data = shutil.copytree(photos, tmp_path / "photos")
    for name in ("0000", "0002"):
        Image.new("RGB", (12, 12), "white").save(data / "even" / f"{name}.png")
    settings = {"data": data, "model": f"{TINY}:touchy", "method": "gradient", "options": {}}
    engine.run(job(**settings, shard=(0, 2)))
    assert engine.run(job(**settings, resume=True)).failed == 2
    status = stored_arrays(job().out)["status"]
    assert (status[:2] == MODEL_FAILED).all() and (status[2:] == OK).all()


def test_a_folder_that_is_deleted_and_made_anew_is_another(photos, job, tmp_path):
    """Whatever number the file system gives to it."""
    data = shutil.copytree(photos, tmp_path / "photos")

    def again():
        shutil.rmtree(data)
        shutil.copytree(photos, data)

    with pytest.raises(RunError, match="photos was replaced, or written to,"):
        engine.run(job(data=data, batch_size=10), At(70, again))


def test_a_store_that_took_the_place_of_the_runs_own_is_left_as_it_is(job, at_once, tmp_path):
    out, other = job().out, tmp_path / "other.zarr"
    engine.run(job(out=other, method="saliency", options={}))
    before = stored_arrays(other)

    def replace():
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(out, ignore_errors=True)
        shutil.move(other, out)

    with pytest.raises(RunError, match=r"deleted, moved or replaced|No such file"):
        engine.run(job(method="saliency", options={}, batch_size=10), At(30, replace))
    assert not other.exists()
    after = stored_arrays(out)
    assert all(before[name].tobytes() == after[name].tobytes() for name in before)


def test_a_damaged_chunk_that_is_gone_on_with_is_done_again(job, monkeypatch, at_once, tmp_path):
    """Also one of an array that is too large to be read before every run."""
    whole = engine.run(job(out=tmp_path / "whole.zarr")).store

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.run(job(batch_size=5), At(30, stop))
    flip(job().out / "heatmap" / "c" / "0" / "0" / "0")
    monkeypatch.setattr(store_module, "_MOST_READ", 0)
    with pytest.warns(
        UserWarning, match="rows 0 to 63: `heatmap` is damaged: its checksum is another; done again"
    ):
        assert engine.run(job(resume=True)).rows == 150
    assert_same_arrays(whole, job().out)


def test_the_end_of_a_shard_is_not_that_of_another(job):
    for shard in range(2):
        engine.run(job(shard=(shard, 2)))
    flip(job().out / "status" / "c" / "1")
    summary = engine.run(job(shard=(0, 2), resume=True))
    assert (summary.rows, summary.images, summary.done) == (0, 150, 86)


def test_paths_are_those_of_the_start(job, tmp_path, monkeypatch):
    """Code of a model may change the current folder."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("pyxai.engine.runner.run.split", lambda job, here: (os.chdir(elsewhere), [job])[1])
    engine.run(job(out="run.zarr", method="saliency", options={}))
    assert (tmp_path / "run.zarr" / "manifest.json").exists() and not list(elsewhere.iterdir())


def test_whatever_a_model_raises_is_one_line(job, monkeypatch):
    class Strange(BaseException):
        pass

    def leave(self, batch):
        raise Strange("a word")

    monkeypatch.setattr(loop.Loop, "_explain", leave)
    with pytest.raises(RunError, match=r"^the model raised Strange: a word, which is no error of an image$"):
        engine.run(job())


def test_a_run_that_is_done_stays_so(job):
    engine.run(job())
    before = {file: file.stat().st_mtime_ns for file in Store(job().out).path.rglob("*") if file.is_file()}
    assert engine.run(dataclasses.replace(job(), resume=True, retry_failed=True)).rows == 0
    after = {file: file.stat().st_mtime_ns for file in before}
    changed = {file.name for file in before if before[file] != after[file]}
    assert changed == {"runs.jsonl"}
