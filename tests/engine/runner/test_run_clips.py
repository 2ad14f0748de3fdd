"""Runs over clips: the same rows from every source, bits that stay, sheets, and refusals in one line."""

import dataclasses
import shutil

import numpy as np
import pytest
import torch
import zarr
from PIL import Image

import pyxai
from pyxai import engine
from pyxai.engine import InputError, RunError
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.status import OK, WRONG_SIZE
from pyxai.engine.store.sheet import draw, draw_each
from pyxai.engine.store.store import Store
from tests.engine import tiny
from tests.engine.conftest import (
    TINY,
    assert_same_arrays,
    clip,
    frames_folder,
    gif,
    stored_arrays,
)

COUNT, FRAMES = 70, 4  # more than a chunk


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """Clips of six frames as GIFs. Not to be written to."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(COUNT):
        gif(folder / f"{number:02d}.gif", clip(number, 6))
    return folder


@pytest.fixture
def job(job, clips):
    return lambda **changes: job(**{"model": f"{TINY}:clip_net", "data": clips, "frames": FRAMES} | changes)


def inputs():
    """What the model gets of all clips: frames 0, 2, 3 and 5 of six."""
    frames = np.stack([clip(number, 6)[[0, 2, 3, 5]] for number in range(COUNT)])
    return torch.from_numpy(np.moveaxis(frames, -1, 1).copy()).float() / 255


@pytest.mark.parametrize("method, options", [("integrated_gradients", {"steps": 4}), ("grad_cam", {})])
def test_the_store_holds_what_the_explainer_gives(job, method, options):
    store = engine.run(job(method=method, options=options, keep="both", target="top2")).store
    rows = Store(store).manifest["rows"]
    ids = torch.from_numpy(sample_ids([f"{number:02d}.gif" for number in range(COUNT)]))
    explainer = pyxai.Explainer(tiny.clip_net(), method, rows=rows, **options)
    wanted, found = explainer(inputs(), "top2", ids), stored_arrays(store)
    np.testing.assert_array_equal(found["attribution"], wanted.attribution.numpy())
    np.testing.assert_array_equal(found["heatmap"], wanted.heatmap().numpy())
    assert found["heatmap"].shape == (COUNT, 2, FRAMES, 12, 12) and (found["status"] == OK).all()
    run = engine.open(store)
    assert run.manifest["images"]["shape"] == [3, FRAMES, 12, 12]
    assert run.manifest["source"]["frames"] == FRAMES
    assert torch.equal(run[3].attribution, wanted[3].attribution)
    np.testing.assert_array_equal(run.image(3), clip(3, 6)[[0, 2, 3, 5]])
    axes = zarr.open_group(str(store), mode="r")["heatmap"].metadata.dimension_names
    assert axes == ("row", "target_number", "frame", "y", "x")


def test_heat_maps_alone_are_read_back_with_one_channel(job):
    store = engine.run(job(method="fem")).store
    run = engine.open(store)
    assert run[:].attribution.shape == (COUNT, 1, FRAMES, 12, 12)
    assert run[:].heatmap().shape == (COUNT, FRAMES, 12, 12)


def test_folders_of_frames_and_an_array_give_the_rows_of_the_gifs(job, tmp_path):
    frames = np.stack([clip(number, 6) for number in range(3)])
    for number, one in enumerate(frames):
        gif(tmp_path / "gifs" / f"{number}.gif", one)
        frames_folder(tmp_path / "folders" / f"{number}", one)
    np.save(tmp_path / "array.npy", frames)
    found = [
        stored_arrays(engine.run(job(data=tmp_path / data, out=tmp_path / f"{data}.zarr")).store)
        for data in ("gifs", "folders", "array.npy")
    ]
    for other in found[1:]:
        for name, values in found[0].items():
            np.testing.assert_array_equal(other[name], values)


def test_arrays_of_clips_need_no_frames(job, tmp_path):
    frames = np.stack([clip(number, 5) for number in range(3)])
    np.save(tmp_path / "a.npy", np.moveaxis(frames, -1, 1))
    run = engine.open(engine.run(job(data=tmp_path / "a.npy", frames=None)).store)
    assert run[:].heatmap().shape == (3, 5, 12, 12) and "frames" not in run.manifest["source"]
    np.testing.assert_array_equal(run.image(2), frames[2])


def test_shards_batches_workers_and_resume_change_no_bit(job, tmp_path):
    whole = engine.run(job(method="smoothgrad", options={"samples": 3}, rows=16)).store
    again = job(method="smoothgrad", options={"samples": 3}, rows=16, out=tmp_path / "parts.zarr")
    for index in (1, 0):
        engine.run(dataclasses.replace(again, shard=(index, 2), batch_size=5, workers=1))
    assert_same_arrays(whole, again.out)
    (again.out / "status" / "c" / "0").unlink()
    engine.run(dataclasses.replace(again, resume=True, batch_size=11))
    assert_same_arrays(whole, again.out)


def test_a_store_is_continued_with_the_same_frames_only(job, clips, tmp_path):
    few = tmp_path / "few"
    for name in ("00.gif", "01.gif"):
        few.mkdir(exist_ok=True)
        shutil.copy(clips / name, few / name)
    made = job(data=few)
    engine.run(made)
    with pytest.raises(
        InputError, match=r"images.shape is \[3, 4, 12, 12\] in the store, \[3, 5, 12, 12\] now"
    ):
        engine.run(dataclasses.replace(made, frames=5, resume=True))
    assert engine.run(dataclasses.replace(made, resume=True)).rows == 0


def test_a_clip_that_is_too_short_costs_its_own_row(job, tmp_path):
    for number in range(3):
        gif(tmp_path / "some" / f"{number}.gif", clip(number, 3 if number == 1 else 6))
    run = engine.open(engine.run(job(data=tmp_path / "some")).store)
    assert run.status.tolist() == [OK, WRONG_SIZE, OK]
    assert run.errors[0]["reason"] == "3 frames, fewer than the 4 of --frames"


@pytest.mark.parametrize(
    "changes, told",
    [
        ({"method": "spectral_residual", "model": None}, "spectral_residual explains pictures and no clips"),
        ({"method": "pixel_rde"}, "pixel_rde explains pictures and no clips: leave out --frames"),
        ({"frames": 0}, "--frames must be at least 1, got 0"),
        ({"frames": 9}, r"none of the 70 images .* \(00.gif: 6 frames, fewer than the 9 of --frames\)"),
        ({"frames": None}, r"`model` cannot take images of shape \(3, 12, 12\)"),
    ],
)
def test_refusals(job, changes, told):
    with pytest.raises((InputError, RunError), match=told) as error:
        engine.run(job(**changes))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("method, model", [("spectral_residual", None), ("pixel_rde", f"{TINY}:clip_net")])
def test_methods_of_pictures_refuse_an_array_of_clips(job, tmp_path, method, model):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 5, 12, 12), np.uint8))
    told = rf"{method}: `images` must have shape \(N, C, H, W\), got \(1, 3, 5, 12, 12\)"
    with pytest.raises(InputError, match=told):
        engine.run(job(data=tmp_path / "a.npy", frames=None, method=method, model=model))


def test_sheets_and_overlays_of_clips(job, tmp_path):
    run = engine.open(engine.run(job(method="fem", frames=6)).store)
    draw(run, [0, 5], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == 2 * 20 + 6 * 172 - 4
    assert draw_each(run, [1, 2], tmp_path / "each", size=24) == 2
    with Image.open(tmp_path / "each" / "01-01.png") as overlay:
        assert overlay.size == (6 * 24, 24)


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("gif", r"; 0\.gif looks like a clip: say so with --frames T, which explains T of its frames$"),
        ("folder", "; if the 6 numbered pictures in a are a clip, say so with --frames T$"),
        ("frames", "; if the 6 numbered pictures in the folder are a clip, say so with --frames T$"),
        (
            "array",
            r"; an array of shape \(3, 6, 3, 12, 12\) looks like clips: they must be \(N, C, T, H, W\) or",
        ),
    ],
)
def test_a_clip_that_is_taken_for_a_picture_says_so(job, tmp_path, kind, hint):
    """Else torch's message on the number of channels is all that there is."""
    data = tmp_path / "data"
    if kind == "gif":
        gif(data / "0.gif", clip(0, 6))
    elif kind == "array":
        data = tmp_path / "data.npy"
        np.save(data, np.stack([clip(number, 6) for number in range(3)]).transpose(0, 1, 4, 2, 3))
    else:
        frames_folder(data / "a" if kind == "folder" else data, clip(0, 6))
    with pytest.raises(engine.InputError, match=hint) as caught:
        engine.run(job(data=data, frames=None))
    assert "\n" not in str(caught.value)


def test_a_picture_that_a_model_cannot_take_is_no_clip(job, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("cat", "dog"):
        Image.fromarray(clip(0, 1)[0]).save(data / f"{name}.png")
    with pytest.raises(engine.InputError, match="cannot take images") as caught:
        engine.run(job(data=data, frames=None))
    assert "clip" not in str(caught.value)
