"""One job for each size of the pictures, where no model decides the size."""

import io
import shutil
import zipfile

import pytest
from PIL import Image

import pyxai
from pyxai.engine import InputError, Job, RunError, run
from pyxai.engine.runner.by_size import split
from pyxai.engine.runner.distributed import World
from pyxai.engine.runner.progress import Progress
from pyxai.engine.status import WRONG_SIZE
from pyxai.engine.store.sizes import is_by_size
from tests.engine.conftest import assert_same_arrays

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


def test_a_broken_picture_may_be_repaired_in_between(mixed, tmp_path):
    data = shutil.copytree(mixed, tmp_path / "data")
    job = Job(model=None, data=data, out=tmp_path / "run.zarr", method="spectral_residual")
    assert run(job).failed == 1
    shutil.copy(data / "wide0.png", data / "cut.png")  # of another size than that which it went with
    (data / "even" / "0002.png").write_bytes(b"broken by now")
    again = changed(job, resume=True)
    assert (run(again).rows, run(changed(again, retry_failed=True)).rows) == (0, 1)
    (error,) = pyxai.open(job.out).errors
    assert (error["path"], error["status"]) == ("cut.png", WRONG_SIZE)


def test_a_source_that_is_replaced_between_two_sizes_is_noticed(tmp_path):
    for name, colour in (("one", "black"), ("two", "white")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for number in range(6):
                picture = io.BytesIO()
                Image.new("RGB", (8, 8 + number % 2), colour).save(picture, "PNG")
                archive.writestr(f"{number}.png", picture.getvalue())

    class Replace(Progress):
        def advance(self, rows, failed):
            if rows and (tmp_path / "two.zip").exists():
                self.left -= rows
                if self.left == 0:
                    (tmp_path / "two.zip").replace(tmp_path / "one.zip")

        left = 3

    job = Job(model=None, data=tmp_path / "one.zip", out=tmp_path / "run.zarr", method="spectral_residual")
    with pytest.raises(RunError, match=r"one\.zip was replaced, or written to,"):
        run(job, Replace())


def test_pictures_that_cannot_be_read_go_with_the_most(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual")
    parts = split(job, HERE)
    assert [part.out.name for part in parts] == ["1x1", "20x1", "20x20", "24x30"]
    assert [len(part.names) for part in parts] == [1, 1, 6, 3]
    assert "cut.png" in parts[2].names


def test_several_sizes_are_continued(mixed, tmp_path):
    job = Job(model=None, data=mixed, out=tmp_path / "run.zarr", method="spectral_residual")
    run(job)
    with pytest.raises(InputError, match="exists: continue it with --resume"):
        run(job)
    again = Job(**{**job.__dict__, "resume": True})
    assert run(again).rows == 0
    half = Job(**{**job.__dict__, "out": tmp_path / "half.zarr"})
    stop = Job(**{**half.__dict__, "strict": True})
    with pytest.raises(Exception, match="--strict"):
        run(stop)
    with pytest.raises(InputError, match="has not begun"):
        pyxai.open(half.out)
    run(Job(**{**half.__dict__, "resume": True}))
    for size in pyxai.open(job.out).runs:
        folder = "x".join(map(str, size))
        assert_same_arrays(job.out / folder, half.out / folder)


def test_the_first_pictures_of_several_sizes(mixed, tmp_path):
    job = Job(None, mixed, tmp_path / "run.zarr", "spectral_residual", limit=4)
    run(job)
    names = sorted(str(path.relative_to(mixed)) for path in mixed.rglob("*.png"))
    assert pyxai.open(job.out).paths == names[:4]


def test_what_is_left_out_is_told_once_for_all_sizes(job):
    (job.data / "notes.txt").write_text("text")
    assert run(job).left_out == "1 not a picture (notes.txt)"
    assert pyxai.open(job.out).manifest["source"]["left_out"] == {
        "not a picture": {"count": 1, "first": ["notes.txt"]}
    }


def test_pictures_that_are_too_large_go_with_the_most(job):
    Image.new("RGB", (9, 9)).save(job.data / "d.png")
    parts = split(changed(job, max_pixels=50), HERE)
    assert [(part.out.name, part.names) for part in parts] == [
        ("4x4", ("b.png",)),
        ("6x8", ("a.png", "c.png", "d.png")),
    ]


def test_a_large_size_that_no_picture_has_after_all_is_none(job):
    file = job.data / "d.png"
    Image.new("1", (2**12, 2**11)).save(file)
    assert [part.out.name for part in split(job, HERE)] == ["4x4", "6x8", "2048x4096"]
    shutil.rmtree(job.out)
    file.write_bytes(file.read_bytes()[:60])  # the header is whole
    parts = split(job, HERE)
    assert [(part.out.name, part.names) for part in parts] == [
        ("4x4", ("b.png",)),
        ("6x8", ("a.png", "c.png", "d.png")),
    ]
