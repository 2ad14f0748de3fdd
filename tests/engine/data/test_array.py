"""Images in .npy and .npz files: layouts, ranges, and files that promise more than they hold."""

import re
import zipfile

import numpy as np
import pytest
import torch

from pyxai.engine import InputError, Preprocess
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.sources import open_source, read_row
from pyxai.engine.errors import RowError
from pyxai.engine.status import NOT_FINITE, UNREADABLE, WRONG_SIZE


@pytest.mark.parametrize("shape", [(3, 3, 6, 5), (3, 6, 5, 3), (3, 6, 5), (3, 1, 6, 5)])
def test_array_layouts(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.save(tmp_path / "a.npy", pixels)
    np.savez(tmp_path / "a.npz", images=pixels, labels=np.arange(3))
    np.savez_compressed(tmp_path / "b.npz", pixels)
    np.save(tmp_path / "f.npy", np.asfortranarray(pixels))
    np.savez(tmp_path / "f.npz", np.asfortranarray(pixels))
    channels = "RGB" if 3 in shape[1:2] + shape[3:] else "L"
    wanted = (
        pixels[1]
        if shape[1] in (1, 3)
        else pixels[1].transpose(2, 0, 1)
        if len(shape) == 4
        else pixels[1][None]
    )
    for file in ("a.npy", "a.npz", "b.npz", "f.npy", "f.npz"):
        source = open_source(tmp_path / file)
        assert source.names() == ["#0", "#1", "#2"]
        assert source.channels("#0") == len(wanted)
        np.testing.assert_array_equal(source.read("#1", Preprocess(channels=channels)), wanted)


@pytest.mark.parametrize("shape", [(2, 5, 6, 7), (2, 6, 7, 5)])
def test_channels_are_where_the_model_has_as_many(tmp_path, shape):
    pixels = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    np.save(tmp_path / "a.npy", pixels)
    wanted = pixels[1] if shape[1] == 5 else pixels[1].transpose(2, 0, 1)
    source = open_source(tmp_path / "a.npy")
    np.testing.assert_array_equal(source.read("#1", Preprocess(channels=5)), wanted)
    with pytest.raises(RowError, match="the model's input has 3") as caught:
        read_row(source, "#1", Preprocess(), None)
    assert caught.value.status == WRONG_SIZE


@pytest.mark.parametrize("kind", [np.uint16, np.int16, np.float32, ">u2", np.float64])
def test_a_range_says_which_values_are_black_and_white(tmp_path, kind):
    pixels = np.array([-1000, 0, 500, 3000] if kind == np.int16 else [0, 1000, 2048, 4095])
    low, high = float(pixels.min()), float(pixels.max())
    np.save(tmp_path / "a.npy", np.broadcast_to(pixels, (2, 1, 3, 4)).astype(kind))
    source = open_source(tmp_path / "a.npy")
    found = read_row(source, "#0", Preprocess(channels="L", range=(low, high)), None)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[0, 0], (pixels - low) / (high - low), atol=1e-6)
    with pytest.raises(RowError, match=r"do not lie in --range 0,100"):
        read_row(source, "#0", Preprocess(channels="L", range=(0, 100)), None)
    with pytest.raises(RowError, match="give --range"):
        read_row(source, "#0", Preprocess(channels="L"), None)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((2, 5), np.uint8), "must have shape"),
        (np.zeros((0, 3, 6, 7), np.uint8), "must have shape"),
        (np.zeros((2, 3, 6, 7), np.complex64), "must hold integer or float"),
        (np.zeros((2, 3, 6, 7), "S3"), "must hold integer or float"),
        (np.array([{"code": 1}]), "cannot read"),
    ],
)
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
def test_arrays_that_are_not_images_are_refused(tmp_path, stored, message, save):
    file = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(file, stored, allow_pickle=True)
    with pytest.raises(InputError, match=message):
        open_source(file).names()


def test_a_row_with_nan_fails_alone(tmp_path):
    pixels = np.zeros((3, 3, 4, 4), np.float32)
    pixels[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", pixels)
    source = open_source(tmp_path / "a.npy")
    with pytest.raises(RowError) as caught:
        read_row(source, "#1", Preprocess(), (3, 4, 4))
    assert caught.value.status == NOT_FINITE
    assert read_row(source, "#2", Preprocess(), (3, 4, 4)).dtype == np.float32


@pytest.mark.parametrize("pixels", [255.0, -0.5])
def test_a_row_of_floats_beyond_0_and_1_fails_alone(tmp_path, pixels):
    stored = np.ones((3, 3, 4, 4), np.float32)
    stored[1, 0, 0, 0] = pixels
    np.save(tmp_path / "a.npy", stored)
    source = open_source(tmp_path / "a.npy")
    with pytest.raises(RowError, match=r"floats must lie in \[0, 1\], got ") as caught:
        read_row(source, "#1", Preprocess(), (3, 4, 4))
    assert caught.value.status == UNREADABLE
    assert float(read_row(source, "#2", Preprocess(), (3, 4, 4)).max()) == 1


def test_an_npz_that_is_not_compressed_stays_on_disk(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((9, 3, 8, 8), np.uint8))
    source = open_source(tmp_path / "a.npz", Limits(unpacked=100))
    assert read_row(source, "#8", Preprocess(), (3, 8, 8)).shape == (3, 8, 8)


def test_a_compressed_npz_is_bounded(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((99, 3, 64, 64), np.uint8))
    with pytest.raises(
        InputError, match=r"images\.npy unpacks to 1216640 bytes, more than 1000000: see --max-unp"
    ):
        open_source(tmp_path / "a.npz", Limits(unpacked=10**6)).names()
    assert len(open_source(tmp_path / "a.npz").names()) == 99


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", [(10**9, 3, 8, 8), (1, 3, 8, 8), (-9, 3, 8, 8), (2**62, 4, 8, 8)])
def test_a_header_that_lies_about_the_length_is_refused(tmp_path, packing, shape):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 8, 8), np.uint8))
    content = (tmp_path / "a.npy").read_bytes().replace(b"(2, 3, 8, 8)", b"%-12s" % str(shape).encode())
    with zipfile.ZipFile(tmp_path / "a.npz", "w", packing) as archive:
        archive.writestr("images.npy", content + bytes(2**17))
    with pytest.raises(InputError, match="cannot read"):
        open_source(tmp_path / "a.npz").names()


def test_cut_and_empty_files_are_refused(tmp_path):
    np.save(tmp_path / "whole.npy", np.zeros((2, 3, 8, 8), np.uint8))
    np.savez_compressed(tmp_path / "whole.npz", np.zeros((2, 3, 8, 8), np.uint8))
    for name in ("whole.npy", "whole.npz"):
        whole = (tmp_path / name).read_bytes()
        for length in (0, 5, 50, len(whole) - 9):
            file = tmp_path / f"cut{name[-4:]}"
            file.write_bytes(whole[:length])
            with pytest.raises(InputError, match="cannot read"):
                open_source(file).names()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("frames", [None, 2])
def test_clips(tmp_path, last, frames):
    clips = np.arange(2 * 3 * 5 * 6 * 7, dtype=np.uint8).reshape(2, 3, 5, 6, 7)
    np.save(tmp_path / "a.npy", np.moveaxis(clips, 1, -1) if last else clips)
    source = open_source(tmp_path / "a.npy", frames=frames)
    assert source.names() == ["#0", "#1"] and source.size("#0") == (6, 7) and source.channels("#0") == 3
    wanted = clips[1] if frames is None else clips[1][:, [1, 3]]
    np.testing.assert_array_equal(read_row(source, "#1", Preprocess(), None), wanted)
    cropped = read_row(source, "#1", Preprocess(crop=4), None)
    np.testing.assert_array_equal(cropped, wanted[:, :, 1:5, 2:6])


def test_clips_that_are_none_or_too_short(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 3, 5, 6, 7), np.uint8))
    with pytest.raises(RowError, match="5 frames, fewer than the 6 of --frames"):
        read_row(open_source(tmp_path / "a.npy", frames=6), "#0", Preprocess(), None)
    np.save(tmp_path / "b.npy", np.zeros((2, 3, 6, 7), np.uint8))
    with pytest.raises(
        InputError, match=r"\(2, 3, 6, 7\) and no clips \(N, C, T, H, W\): leave out --frames"
    ):
        open_source(tmp_path / "b.npy", frames=6).names()
    np.save(tmp_path / "c.npy", np.zeros((2, 3, 5, 6, 7, 2), np.uint8))
    with pytest.raises(InputError, match=r"of clips \(N, C, T, H, W\) or \(N, T, H, W, C\), got \(2, 3, 5,"):
        open_source(tmp_path / "c.npy").names()


def test_arrays_that_are_normalised_already_are_handed_over_as_they_are(tmp_path):
    """The options that the message names do that, also for a model with a mean of its own."""
    values = np.random.default_rng(0).normal(size=(2, 3, 6, 7)).astype(np.float32)
    values[0, 0, 0, 0], values[1, 0, 0, 0] = -2.1, 2.6
    np.save(tmp_path / "a.npy", values)
    source, own = open_source(tmp_path / "a.npy"), Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    with pytest.raises(RowError) as caught:
        read_row(source, "#0", own, None)
    (found,) = re.findall(r"--range=(\S+) --mean (\S+) --std (\S+) if", caught.value.reason)
    limits, mean, std = (tuple(map(float, part.split(","))) for part in found)
    told = own.changed({"range": limits, "mean": mean, "std": std})
    notes = []
    pixels = read_row(source, "#1", told, None, notes)
    np.testing.assert_allclose(told.normalise(torch.from_numpy(pixels)[None])[0], values[1], atol=1e-6)
    assert notes == []
    for wrong in (own, Preprocess()):
        notes = []
        read_row(source, "#1", wrong.changed({"range": limits}), None, notes)
        assert (
            len(notes) == 1
            and "if the array is normalised already, --range=-4,4 --mean 0.5 --std 0.125" in notes[0]
        )
    np.save(tmp_path / "b.npy", 100 * values)
    notes = []
    read_row(open_source(tmp_path / "b.npy"), "#1", own.changed({"range": (-1000, 1000)}), None, notes)
    assert notes == []
    np.save(tmp_path / "c.npy", 255 * np.abs(values) / 5)
    with pytest.raises(RowError) as caught:
        read_row(open_source(tmp_path / "c.npy"), "#1", own, None)
    assert caught.value.reason.endswith("give --range with the values that are black and white")
