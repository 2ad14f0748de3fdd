"""A store read back."""

import dataclasses
import warnings

import numpy as np
import pytest
import torch
from PIL import ImageDraw

from pyxai import engine
from pyxai.engine import InputError
from pyxai.engine.store.sheet import draw
from pyxai.engine.store.store import Store
from tests.engine.conftest import fill_folder, flip, made_manifest, made_store, picture


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
    with pytest.raises(KeyError, match=r"no row has the path 'residual'; see `paths`, and `arrays`"):
        run["residual"]
    with pytest.raises(ValueError, match="step 1"):
        run[::2]


def test_rows_by_path_and_in_lists(tmp_path):
    run = engine.open(made_store(tmp_path / "run.zarr").path)
    whole = run[:].attribution
    mask = np.arange(100) % 3 == 0
    assert torch.equal(run["070.png"].attribution, whole[70:71])
    for rows in ([70, 2, -1, 2], np.array([70, 2, 99, 2]), torch.tensor([70, 2, 99, 2])):
        assert torch.equal(run[rows].attribution, whole[[70, 2, 99, 2]])
    for rows in (mask, mask.tolist(), torch.from_numpy(mask)):
        assert torch.equal(run[rows].score, run[:].score[torch.from_numpy(mask)])
    assert len(run[[]]) == len(run[np.zeros(100, bool)]) == 0
    with pytest.raises(IndexError, match="row 100 of a run of 100"):
        run[[3, 100]]
    for rows in (mask[:7], 1.5, [0.5], None, mask[None]):
        with pytest.raises(
            TypeError, match="rows must be a number, a path, a range, or a list of numbers or 100"
        ):
            run[rows]


def test_rows_without_a_result_say_why(job, tmp_path):
    folder = fill_folder(tmp_path / "few", 4)
    (folder / "odd" / "0001.png").write_bytes(b"\x89PNG cut off")
    run = engine.open(engine.run(job(data=folder)).store)
    assert run[:2].unexplained == () and run[2].unexplained[0].startswith("failed: ")
    found = run[:]
    reason = run.errors[0]["reason"]
    assert found.unexplained == ("", "", f"failed: {reason}", "")
    assert found[[2, 0]].unexplained == (f"failed: {reason}", "")
    assert (
        "nan" not in repr(found) and "residual at most" in repr(found) and "1 without a result" in repr(found)
    )
    assert "residual" not in repr(run[2])
    begun = engine.open(made_store(tmp_path / "begun.zarr", begun=1).path)
    assert begun[63:65].unexplained == ("", "pending")


def test_rows_without_a_result_are_called_so_on_a_sheet(job, tmp_path, monkeypatch):
    texts, draw = [], ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda self, at, text, *a, **b: (texts.append(text), draw(self, at, text, *a, **b)),
    )
    folder = fill_folder(tmp_path / "few", 3)
    (folder / "odd" / "0001.png").write_bytes(b"\x89PNG cut off")
    run = engine.open(engine.run(job(data=folder, target="top2")).store)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run[:].plot()
        run[2].plot()
    assert sum(text.startswith("failed: ") for text in texts) == 4
    assert not any("nan" in text or "-1" in text for text in texts)


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


def test_rows_that_were_damaged_are_an_error_and_the_others_are_read(tmp_path):
    path = made_store(tmp_path / "run.zarr").path
    wanted = engine.open(path)[:64]
    flip(path / "score" / "c" / "1")
    (path / "heatmap" / "c" / "1" / "0" / "0").unlink()
    run = engine.open(path)
    assert torch.equal(run[:64].attribution, wanted.attribution)
    for read in (lambda: run[70], lambda: run[:], lambda: list(run), lambda: list(run.batches(50))):
        with pytest.raises(InputError, match=r"run\.zarr: rows 64 to 99: `heatmap` is missing$"):
            read()
    with pytest.raises(InputError, match="`heatmap` is missing"):
        run.arrays["heatmap"][:]
    (path / "status" / "c" / "0").write_bytes(b"")
    with pytest.raises(InputError, match="rows 0 to 63: `status` is empty"):
        repr(run)


def test_a_flipped_bit_is_an_error_with_its_array(tmp_path):
    path = made_store(tmp_path / "run.zarr").path
    flip(path / "score" / "c" / "1")
    with pytest.raises(InputError, match=r"is damaged: `score` cannot be read: .*checksum"):
        engine.open(path)[70]


def test_batches_are_as_large_as_chunks(tmp_path):
    run = engine.open(made_store(tmp_path / "run.zarr", rows=10, chunk=4).path)
    assert [len(batch) for batch in run.batches()] == [4, 4, 2]
    assert len(list(run)) == 10


MAP = {"shape": [4, 4], "dtype": "float32"}
NUMBER = {"shape": [], "dtype": "float32"}


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"score": NUMBER, "target": NUMBER},
        {"heatmap": NUMBER},
        {"heatmap": MAP, "score": NUMBER},
        {"heatmap": {**MAP, "shape": [2, 4, 4]}},
        {"heatmap": {**MAP, "shape": [2, 4, 4]}, "score": NUMBER, "target": NUMBER},
        {"heatmap": MAP, "attribution": {**MAP, "shape": [3, 5, 5]}},
        {"heatmap": MAP, "other": {**MAP, "shape": [7]}},
    ],
)
def test_arrays_that_are_no_explanations_are_refused(tmp_path, arrays):
    Store.create(tmp_path / "run.zarr", made_manifest(arrays, 3), ["a", "b", "c"])
    with pytest.raises(InputError, match=r"run\.zarr is damaged: .* must|does not belong to maps of shape"):
        engine.open(tmp_path / "run.zarr")


def test_pictures_behind_a_function_are_shown_where_it_keeps_their_size(job, photos, tmp_path):
    body = "return (torch.tensor(numpy.asarray(image)) / 255).permute(2, 0, 1)"
    (tmp_path / "net.py").write_text(
        "import numpy, torch\nfrom tests.engine import tiny\n"
        f"def whole(image): {body}\ndef part(image): {body}[:, :8]\n"
        "def net(): return tiny.net(), whole\ndef cut(): return tiny.net(), part\n"
    )
    run = engine.open(engine.run(job(model=f"{tmp_path / 'net.py'}:net", method="gradient")).store)
    np.testing.assert_array_equal(run.image(0), np.asarray(picture(0)))
    cut = job(model=f"{tmp_path / 'net.py'}:cut", method="gradient", out=tmp_path / "cut.zarr")
    run = engine.open(engine.run(cut).store)
    with pytest.raises(
        InputError, match=r"a function: which part of even/0000\.png was explained is not known"
    ):
        run.image(0)


def test_channels_that_are_no_colours_are_shown_as_their_mean(job, tmp_path):
    (tmp_path / "net.py").write_text(
        "from tests.engine import tiny\ndef net(): return tiny.net(channels=5)\n"
    )
    pixels = np.random.default_rng(0).integers(0, 256, (3, 5, 12, 12), dtype=np.uint8)
    np.save(tmp_path / "a.npy", pixels)
    asked = job(
        model=f"{tmp_path / 'net.py'}:net", data=tmp_path / "a.npy", method="gradient", max_pixels=2**20
    )
    run = engine.open(engine.run(asked).store)
    np.testing.assert_array_equal(run.image(2)[..., 0], np.round(pixels[2].mean(0)))
    assert run.manifest["source"]["limits"]["pixels"] == 2**20
    draw(run, [0, 2], tmp_path / "sheet.png")


@pytest.mark.parametrize(
    ("method", "options", "shape", "axes"),
    [
        ("layer_activation", {"layer": "5"}, (32,), ("unit",)),
        ("layer_deeplift", {"layer": "2"}, (8, 10, 10), ("channel", "y", "x")),
        ("layer_lrp", {"layer": "2", "upsample": True}, (8, 12, 12), ("channel", "y", "x")),
    ],
)
@pytest.mark.parametrize("target", [None, "top2"])
def test_maps_of_layers_are_kept_and_continued(job, method, options, shape, axes, target):
    asked = job(method=method, options=options, target=target)
    engine.run(asked)
    engine.run(dataclasses.replace(asked, resume=True))
    run = engine.open(asked.out)
    targets = () if target is None else (2,)
    assert run[:].attribution.shape == (len(run), *targets, *shape) and run[:].axes == axes
    assert run.complete and run[:].score.shape == (len(run), *targets)


def test_a_heat_map_that_is_none_is_refused_before_there_is_a_store(job):
    asked = job(method="layer_activation", options={"layer": "5"}, keep="heatmap")
    with pytest.raises(InputError, match=r"`attribution` must have the axes channel, y and x .*, got unit"):
        engine.run(asked)
    assert not asked.out.exists()
