"""A run stores what the explainer gives, whatever the grouping, and failed images cost only their own row."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai import engine
from pyxai.engine import InputError, RunError, StrictStop
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.runner.progress import Progress
from pyxai.engine.status import (
    MODEL_FAILED,
    NOT_FINITE,
    OK,
    PENDING,
    RESULT_NOT_FINITE,
    UNREADABLE,
    WRONG_SIZE,
)
from pyxai.engine.store import store as store_module
from pyxai.engine.store.verify import verify
from tests.engine import tiny
from tests.engine.conftest import TINY, assert_same_arrays, fill_folder, picture, stored_arrays


def in_memory(photos, **options):
    """The explanations of all photos by the public call, with the run's ids and rows."""
    files = sorted(photos.rglob("*.png"), key=lambda file: file.relative_to(photos).as_posix())
    pixels = np.stack([np.asarray(Image.open(file)) for file in files]).transpose(0, 3, 1, 2)
    images = torch.from_numpy(pixels).float() / 255
    ids = sample_ids([file.relative_to(photos).as_posix() for file in files])
    return pyxai.Explainer(tiny.net(), rows=64, **options)(images, ids=torch.from_numpy(ids))


def test_the_store_holds_what_the_explainer_gives(photos, job):
    summary = engine.run(job(keep="both"))
    wanted = in_memory(photos, method="integrated_gradients", steps=4)
    found = stored_arrays(summary.store)
    np.testing.assert_array_equal(found["attribution"], wanted.attribution.numpy())
    np.testing.assert_array_equal(found["heatmap"], wanted.heatmap().numpy())
    for name in ("target", "score", "delta", "residual", "evaluations"):
        np.testing.assert_array_equal(found[name], getattr(wanted, name).numpy())
    assert (found["status"] == OK).all()
    assert (summary.images, summary.done, summary.failed, summary.rows) == (150, 150, 0, 150)
    assert summary.residual_median == pytest.approx(wanted.residual.median().item(), rel=0.1)
    assert summary.residual_max == wanted.residual.max().item()
    assert summary.evaluations == wanted.evaluations.double().mean().item()
    assert set(summary.startup) == {"imports", "model", "listing", "capture"}


def test_maps_of_zeros_are_results_that_are_counted(job, tmp_path):
    assert engine.run(job()).zero_maps == 0
    asleep = {"model": f"{TINY}:asleep_net", "out": tmp_path / "asleep.zarr"}
    summary = engine.run(job(**asleep, method="gradient", target="top2"))
    assert (summary.failed, summary.zero_maps) == (0, 300)
    lines = engine.open(summary.store).zero_maps
    assert [line["row"] for line in lines] == list(range(150)) and {line["maps"] for line in lines} == {2}


@pytest.mark.parametrize(
    ("method", "options"),
    [("integrated_gradients", {"tolerance": 0.2}), ("smoothgrad", {"samples": 3})],
)
def test_batches_and_shards_change_no_bit(job, tmp_path, method, options):
    settings = {"method": method, "options": options, "rows": 8}
    whole = engine.run(job(**settings)).store
    for batch_size in (1, 7, 100):
        out = tmp_path / f"batch{batch_size}.zarr"
        assert_same_arrays(whole, engine.run(job(**settings, out=out, batch_size=batch_size)).store)
    for shards in (2, 3):
        out = tmp_path / f"shards{shards}.zarr"
        for shard in reversed(range(shards)):
            engine.run(job(**settings, out=out, shard=(shard, shards), batch_size=19))
        assert_same_arrays(whole, out)


def test_worker_processes_change_no_bit(job, tmp_path):
    whole = engine.run(job()).store
    assert_same_arrays(whole, engine.run(job(out=tmp_path / "workers.zarr", workers=2)).store)


def test_noise_follows_the_picture_and_not_its_row(photos, job, tmp_path):
    """The last picture alone has the row 0 and the noise it had in row 149."""
    whole = stored_arrays(engine.run(job(method="smoothgrad", options={"samples": 2})).store)
    name = "odd/0149.png"
    (tmp_path / "one" / "odd").mkdir(parents=True)
    (tmp_path / "one" / name).write_bytes((photos / name).read_bytes())
    changes = {"data": tmp_path / "one", "out": tmp_path / "one.zarr"}
    alone = stored_arrays(engine.run(job(method="smoothgrad", options={"samples": 2}, **changes)).store)
    np.testing.assert_array_equal(alone["heatmap"][0], whole["heatmap"][149])
    other = stored_arrays(
        engine.run(
            job(
                method="smoothgrad", options={"samples": 2}, **{**changes, "out": tmp_path / "s.zarr"}, seed=1
            )
        ).store
    )
    assert not np.array_equal(alone["heatmap"], other["heatmap"])


def test_several_targets_and_targets_from_a_file(job, tmp_path):
    top = engine.open(engine.run(job(target="top3")).store)
    assert top.arrays["heatmap"].shape == (150, 3, 12, 12)
    assert top[4].attribution.shape == (1, 3, 1, 12, 12)
    classes = top.arrays["target"][:]
    np.save(tmp_path / "classes.npy", classes)
    again = engine.run(job(target=str(tmp_path / "classes.npy"), out=tmp_path / "file.zarr")).store
    assert_same_arrays(top.path, again)


def test_the_first_images_are_a_run_of_their_own(job, tmp_path):
    whole = engine.open(engine.run(job(target="top2")).store)
    np.save(tmp_path / "classes.npy", whole.arrays["target"][:])
    for name, target in (("top", "top2"), ("file", str(tmp_path / "classes.npy"))):
        few = job(limit=70, target=target, out=tmp_path / f"{name}.zarr")
        summary = engine.run(few)
        run = engine.open(few.out)
        assert (summary.images, summary.done, run.paths) == (70, 70, whole.paths[:70])
        for array in run.arrays:
            assert run.arrays[array][:].tobytes() == whole.arrays[array][:70].tobytes()
        assert verify(few.out).faults == []
    assert engine.run(dataclasses.replace(few, resume=True)).rows == 0
    with pytest.raises(InputError, match=r"images\.count is 70 in the store, 80 now"):
        engine.run(dataclasses.replace(few, resume=True, limit=80))
    many = job(limit=1000, target="top2", out=whole.path, resume=True)
    assert engine.run(many).rows == 0, "there are no more"


@pytest.mark.parametrize(("wrong", "bounds"), [(5, "0 to 5"), (-1, "-1 to 0")])
def test_targets_from_a_file_must_be_classes_of_the_model(job, tmp_path, wrong, bounds):
    classes = np.zeros(150, int)
    classes[70] = wrong
    np.save(tmp_path / "classes.npy", classes)
    with pytest.raises(InputError, match=f"--target must hold classes from 0 to 4, got {bounds}"):
        engine.run(job(target=str(tmp_path / "classes.npy")))
    assert not (tmp_path / "run.zarr").exists()


def test_black_is_the_black_of_the_models_preprocessing(photos, job):
    """A black pixel of `prepared_net` is -mean / std a channel, not zero."""
    options = {"steps": 4, "baseline": "black"}
    run = job(
        model=f"{TINY}:prepared_net", method="integrated_gradients", options=options, keep="attribution"
    )
    _, preprocess = tiny.prepared_net()
    files = sorted(photos.rglob("*.png"), key=lambda file: file.relative_to(photos).as_posix())
    pixels = np.stack([np.asarray(Image.open(file)) for file in files]).transpose(0, 3, 1, 2)
    images = preprocess.normalise(torch.from_numpy(pixels / np.float32(255)))
    black = preprocess.normalise(torch.zeros(1, 3, *images.shape[2:]))
    explainer = pyxai.Explainer(tiny.net(), "integrated_gradients", steps=4, baseline=black, rows=64)
    wanted = explainer(images).attribution
    found = torch.from_numpy(stored_arrays(engine.run(run).store)["attribution"])
    torch.testing.assert_close(found, wanted)
    other = pyxai.Explainer(tiny.net(), "integrated_gradients", steps=4, rows=64)(images).attribution
    assert not torch.allclose(found, other, rtol=0.1)


def test_half_precision_maps(job, tmp_path):
    whole = stored_arrays(engine.run(job()).store)
    half = stored_arrays(engine.run(job(store_dtype="float16", out=tmp_path / "half.zarr")).store)
    np.testing.assert_array_equal(half["heatmap"], whole["heatmap"].astype(np.float16))
    np.testing.assert_array_equal(half["score"], whole["score"])


def test_a_module_can_be_handed_in_and_stays_as_it_was(job):
    model = tiny.net()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    engine.run(job(model=model))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not model.training
    assert all(parameter.grad is None and parameter.requires_grad for parameter in model.parameters())


@pytest.fixture
def damaged(tmp_path):
    """130 pictures, five of them bad in five ways."""
    folder = fill_folder(tmp_path / "damaged", 130)
    (folder / "even" / "0002.png").write_bytes((folder / "even" / "0002.png").read_bytes()[:200])
    (folder / "odd" / "0005.png").write_bytes(b"")
    Image.new("RGB", (1, 1)).save(folder / "even" / "0010.png")
    Image.new("RGB", (12, 12), "white").save(folder / "odd" / "0101.png")
    picture(7).convert("CMYK").save(folder / "odd" / "0007.jpg")
    (folder / "odd" / "0007.png").unlink()
    return folder


@pytest.mark.filterwarnings("ignore")  # capture says that this model cannot be captured
@pytest.mark.parametrize("batch_size", [1, 64])
def test_bad_images_cost_one_row_each(damaged, job, tmp_path, batch_size):
    summary = engine.run(job(data=damaged, model=f"{TINY}:touchy", batch_size=batch_size))
    run = engine.open(summary.store)
    found = {entry["path"]: (entry["status"], entry["reason"]) for entry in run.errors}
    assert found.keys() == {"even/0002.png", "odd/0005.png", "even/0010.png", "odd/0101.png"}
    assert found["even/0002.png"][0] == UNREADABLE
    assert found["odd/0005.png"] == (UNREADABLE, "not a picture, or a damaged header")
    assert found["even/0010.png"][0] == WRONG_SIZE
    assert "1x1 pixels, the run's images have 12x12" in found["even/0010.png"][1]
    assert found["odd/0101.png"] == (MODEL_FAILED, "RuntimeError: white is not a picture")
    assert (summary.done, summary.failed) == (130, 4)
    arrays = stored_arrays(summary.store)
    bad = arrays["status"] != OK
    assert bad.sum() == 4
    assert np.isnan(arrays["heatmap"][bad]).all()
    assert np.isfinite(arrays["heatmap"][~bad]).all()
    assert (arrays["target"][bad] == -1).all()
    for name in ("even/0002.png", "odd/0005.png", "even/0010.png", "odd/0101.png"):
        (damaged / name).unlink()
    clean = stored_arrays(
        engine.run(job(data=damaged, model=f"{TINY}:touchy", out=tmp_path / "clean.zarr")).store
    )
    np.testing.assert_array_equal(clean["heatmap"], arrays["heatmap"][~bad])


def test_nan_in_an_array_and_in_a_result(job, tmp_path):
    pixels = np.random.default_rng(0).uniform(0.2, 1, (70, 3, 8, 8)).astype(np.float32)
    pixels[3, 1, 2, 2] = np.nan
    pixels[66, 0, 0, 0] = 0  # the model has an infinite gradient here
    np.save(tmp_path / "pixels.npy", pixels)
    summary = engine.run(job(data=tmp_path / "pixels.npy", model=f"{TINY}:infinite", method="gradient"))
    run = engine.open(summary.store)
    assert [(entry["row"], entry["status"]) for entry in run.errors] == [
        (3, NOT_FINITE),
        (66, RESULT_NOT_FINITE),
    ]
    assert summary.failed == 2
    assert np.isinf(run.arrays["heatmap"][66]).sum() == 1


def test_strict_stops_at_the_first_bad_image_and_resume_goes_on(damaged, job):
    with pytest.raises(StrictStop, match=r"row 1 \(even/0002\.png\): .*stopped because of --strict"):
        engine.run(job(data=damaged, strict=True))
    picture(2).save(damaged / "even" / "0002.png")
    summary = engine.run(job(data=damaged, resume=True))
    assert summary.done == 130
    assert "even/0002.png" not in [entry["path"] for entry in engine.open(summary.store).errors]


def test_out_of_memory_halves_the_rows_once_and_the_store_remembers(job):
    summary = engine.run(job(model=f"{TINY}:crowded"))
    manifest = engine.open(summary.store).manifest
    assert manifest["rows"] == 8
    assert summary.failed == 0
    with pytest.raises(InputError, match="out of memory at 16 rows per call"):
        engine.run(job(model=f"{TINY}:crowded", rows=16, out=summary.store.with_name("b.zarr")))


@pytest.fixture
def full_after(monkeypatch):
    """The disk is full when the chunk with this number is written."""

    def arrange(number: int) -> None:
        write = store_module.Store.write

        def failing(self, chunk, *rest):
            if chunk == number:
                raise OSError(28, "No space left on device")
            write(self, chunk, *rest)

        monkeypatch.setattr(store_module.Store, "write", failing)

    return arrange


def test_a_full_disk_leaves_a_store_that_can_be_continued(job, full_after, monkeypatch, tmp_path):
    whole = engine.run(job(out=tmp_path / "whole.zarr")).store
    full_after(1)
    with pytest.raises(
        RunError, match="no space left; what is stored is whole: free some space and continue with"
    ):
        engine.run(job())
    status = stored_arrays(job().out)["status"]
    assert (status[:64] == OK).all()
    assert (status[64:] == PENDING).all()
    monkeypatch.undo()
    assert engine.run(job(resume=True)).rows == 86
    assert_same_arrays(whole, job().out)


def test_too_little_space_is_refused_before_any_work(job, monkeypatch):
    usage = store_module.shutil.disk_usage("/")
    monkeypatch.setattr(store_module.shutil, "disk_usage", lambda place: usage._replace(free=1000))
    with pytest.raises(InputError, match=r"needs .* kB, 1 kB are free: keep less"):
        engine.run(job())
    assert not job().out.exists()


def test_a_store_made_otherwise_is_not_continued(photos, job, tmp_path):
    engine.run(job())
    for changes, said in (
        ({"model": f"{TINY}:other_net"}, r"model\.weights is .* in the store"),
        ({"options": {"steps": 5}}, r"options\.steps is 4 in the store, 5 now"),
        ({"method": "gradient"}, "method is 'integrated_gradients' in the store, 'gradient' now"),
        ({"preprocess": {"mean": (0.5,)}}, r"preprocess\.mean is None in the store, \[0\.5\] now"),
        ({"target": 2}, "target is None in the store, 2 now"),
        ({"rows": 16}, "rows is 64 in the store, 16 now"),
        ({"keep": "both"}, "keep is 'heatmap' in the store, 'both' now"),
        ({"data": fill_folder(tmp_path / "fewer", 149)}, r"images\.count is 150 in the store, 149 now"),
    ):
        with pytest.raises(InputError, match=f"was made differently: .*{said}"):
            engine.run(job(resume=True, **changes))
    with pytest.raises(InputError, match="exists: continue it with --resume"):
        engine.run(job())


def test_rows_and_threads_come_from_the_store_when_it_is_continued(job):
    engine.run(job(rows=16, shard=(0, 2)))
    path = job().out / "manifest.json"
    manifest = json.loads(path.read_text())
    seen = []

    class Watch(Progress):
        def begin(self, total, done):
            seen.append(torch.get_num_threads())

    path.write_text(json.dumps({**manifest, "threads": 1}))
    before = torch.get_num_threads()
    engine.run(job(resume=True), Watch())
    assert seen == [1]
    assert torch.get_num_threads() == before
    assert engine.open(job().out).complete


def test_what_cannot_be_done_is_refused_before_anything_is_written(job, tmp_path, photos):
    mixed = fill_folder(tmp_path / "mixed", 4)
    picture(9, 20).save(mixed / "odd" / "large.png")
    (tmp_path / "file").write_text("in the way")
    for changes, said in (
        ({"target": 5}, r"`target` must be a class in \[0, 5\), got 5"),
        ({"method": "gradeint"}, "no method 'gradeint'"),
        ({"options": {"stepz": 4}}, "no option `stepz`"),
        ({"model": f"{TINY}:training_net"}, "training"),
        ({"data": mixed}, r"pictures of 2 sizes \(4 of 12x12, 1 of 20x20\): use --resize and --crop"),
        ({"data": mixed, "preprocess": {"crop": -1}}, "`crop` must be a positive number of pixels"),
        ({"data": tmp_path / "mixed" / "nothing"}, "no such file or folder"),
        ({"out": tmp_path / "file" / "run.zarr"}, "cannot write"),
        ({"device": "cuda:7"}, "--device cuda:7 cannot be used"),
        ({"precision": "fp8"}, "--precision must be one of fp32, bf16"),
        ({"batch_size": 0}, "--batch-size must be at least 1"),
        ({"shard": (2, 2)}, "--shard must be i/n with i from 0 to n - 1, got 2/2"),
        ({"model": f"{TINY}:grey_net"}, None),
    ):
        if said is None:
            assert engine.run(job(**changes, out=tmp_path / "grey.zarr")).failed == 0
            continue
        with pytest.raises(InputError, match=said):
            engine.run(job(**changes))
        assert not job().out.exists()


def test_a_model_that_cannot_take_the_images_is_refused(job, tmp_path):
    Image.new("RGB", (1, 1)).save(tmp_path / "dot.png")
    with pytest.raises(InputError, match=r"cannot take images of shape \(3, 1, 1\): .*[Kk]ernel size"):
        engine.run(job(data=tmp_path))


def test_the_manifest_tells_everything(job):
    manifest = engine.open(engine.run(job(model=f"{TINY}:prepared_net", seed=3)).store).manifest
    assert manifest["model"]["spec"] == f"{TINY}:prepared_net"
    assert len(manifest["model"]["weights"]) == 32
    assert manifest["options"]["steps"] == 4
    assert manifest["options"]["seed"] == 3
    assert manifest["preprocess"]["mean"] == [0.5, 0.4, 0.3]
    assert manifest["rows"] == 64
    assert manifest["images"]["shape"] == [3, 12, 12]
    assert {"torch", "pyxai", "pillow", "numpy"} <= manifest["versions"].keys()
    assert manifest["arrays"]["heatmap"] == {"shape": [12, 12], "dtype": "float32"}
    record = json.loads((job().out / "runs.jsonl").read_text())
    assert record["images"] == 150
    assert dataclasses.asdict(job())["seed"] == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": "tests/engine/tiny.py:net"},
            "alone: leave out --model, --target, --output and --output-kind",
        ),
        ({"output_kind": "value"}, "looks at the images alone"),
        ({"target": 3}, "looks at the images alone"),
        ({"method": "gradient"}, "gradient explains a model: name it with --model"),
        ({"options": {"size": 1}}, "^spectral_residual: `size` must be a whole number of at least 2, got 1"),
        ({"preprocess": {"mean": (0.5,)}}, r"`images` must lie in \[0, 1\]"),
        ({"method": "spectral"}, "did you mean 'spectral_residual'"),
    ],
)
def test_a_method_of_images_alone_takes_no_model(tmp_path, changes, message):
    data = fill_folder(tmp_path / "photos", 3, 20)
    settings = {"model": None, "data": data, "out": tmp_path / "run.zarr", "method": "spectral_residual"}
    with pytest.raises(InputError, match=message):
        engine.run(engine.Job(**settings | changes))


def test_what_is_explained_is_in_the_manifest_the_summary_and_what_is_read(job, tmp_path):
    few = {"data": fill_folder(tmp_path / "few", 3), "method": "gradient"}
    for number, (changes, kind, words, name) in enumerate((
        ({"model": f"{TINY}:softmax_net"}, "scores", "what the model's softmax is taken of", None),
        ({"model": f"{TINY}:single_net"}, "value", "the model's one output", None),
        ({"model": f"{TINY}:pair_net", "output": 1}, "scores", "class scores, as returned", None),
        ({"target": f"{TINY}:margin"}, "scores", "a callable of it", f"{TINY}:margin"),
        ({"target": "b", "class_names": {0: "a", 1: "b"}}, "scores", "class scores", None),
    )):  # fmt: skip
        asked = job(out=tmp_path / f"{number}.zarr", **few, **changes)
        summary = engine.run(asked)
        run = engine.open(summary.store)
        assert run.manifest["output_kind"] == kind and words in summary.explained
        assert run[:].output_kind == kind and run[:].target_name == name
    engine.run(dataclasses.replace(asked, resume=True))
    assert run[:].target.tolist() == [1, 1, 1] and run.manifest["target"] == 1
    with pytest.raises(InputError, match=r"`output` must say which .* output=0 of shape \(1, 5\), output=1"):
        engine.run(job(out=tmp_path / "pair.zarr", model=f"{TINY}:pair_net", **few))
