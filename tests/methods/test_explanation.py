"""The result object."""

import io
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from tests import unfriendly
from tests.engine import tiny
from tests.engine.conftest import picture


def found(**options):
    return pyxai.explain(
        unfriendly.build("Gate"), unfriendly.images(3), "integrated_gradients", steps=2, **options
    )


def test_heatmaps():
    result = found()
    assert torch.equal(result.heatmap(), result.attribution.sum(1))
    assert torch.equal(result.heatmap("abs_sum"), result.attribution.abs().sum(1))
    assert torch.equal(result.heatmap("abs_max"), result.attribution.abs().amax(1))
    assert found(target="top2").heatmap().shape == (3, 2, 16, 16)
    with pytest.raises(ValueError, match="`reduce` must be 'sum', 'abs_sum' or 'abs_max', got 'mean'"):
        result.heatmap("mean")


def test_rows():
    result = found()
    assert len(result) == 3 and len(result[1:]) == 2 and len(result[-1]) == 1
    assert torch.equal(result[-1].attribution, result.attribution[2:])
    assert torch.equal(result[0].residual, result.residual[:1]) and result[0].standard_error is None


def test_iterating_ends():
    result = found(target="top2")
    rows = list(result)
    assert [len(row) for row in rows] == [1, 1, 1]
    assert torch.equal(torch.cat([row.target for row in rows]), result.target)
    assert list(result[:0]) == [] and result in [result] and rows[0] not in rows[1:]


def test_rows_of_every_kind():
    result = found()
    maps = result.attribution
    for rows, wanted in (
        (np.int64(1), maps[1:2]),
        (torch.tensor(2), maps[2:]),
        (slice(None, None, -1), maps.flip(0)),
        (slice(0, 3, 2), maps[::2]),
        (slice(5, 9), maps[:0]),
        ([2, 0], maps[[2, 0]]),
        ([], maps[:0]),
        ([True, False, True], maps[::2]),
        (torch.tensor([-1]), maps[2:]),
        (np.array([False, True, False]), maps[1:2]),
    ):
        assert torch.equal(result[rows].attribution, wanted)
        assert len(result[rows].extras["zero_map"]) == len(wanted)
    for beyond in (3, -4, np.int64(7), [0, 3]):
        with pytest.raises(IndexError):
            result[beyond]
    for wrong in ("1", 1.0, None, (0, 1), torch.ones(3, 2) > 0):
        with pytest.raises(TypeError, match=r"^`rows` must be a number, a slice, or a list or tensor"):
            result[wrong]


def test_one_line():
    names = {0: "cat\nof two lines", 1: "cup"}
    single, several = found(class_names=names, target=1), found(class_names=names, target="top2")
    assert str(single) == repr(single) and single.class_names == names
    wanted = "<Explanation integrated_gradients of 3 images: maps (3, 3, 16, 16) float64; target 1 cup, "
    assert repr(single).startswith(wanted + "1 cup, 1 cup; residual at most ")
    assert "0 cat of two lines" in repr(several) and "/" in repr(several)
    for result in (single, several, several[:0], single[0], found(target=lambda output: output[0])):
        assert "\n" not in repr(result) and len(repr(result)) < 250
    model_free = pyxai.explain(None, torch.rand(5, 3, 16, 16), "entropy")
    assert repr(model_free) == "<Explanation entropy of 5 images: maps (5, 1, 16, 16) float32>"
    many = pyxai.explain(unfriendly.build("Gate"), unfriendly.images(5), "gradient", 1)
    assert "target 1, 1, 1, …>" in repr(many)


def test_a_notebook_shows_it():
    result = found()
    shown = Image.open(io.BytesIO(result._repr_png_()))
    assert shown.format == "PNG" and shown.width < 700 and len(shown.convert("RGB").getcolors(10**6)) > 50
    assert Image.open(io.BytesIO(result.to(torch.bfloat16)._repr_png_())).size == shown.size
    result.images = None
    assert Image.open(io.BytesIO(result._repr_png_())).size == shown.size  # the maps alone
    result.attribution = "damaged"
    assert result._repr_png_() is None and result[:0]._repr_png_() is None


def test_as_arrays_and_on_devices():
    result = found()
    assert np.array_equal(np.asarray(result), result.numpy()) and np.shares_memory(result, result.attribution)
    assert np.asarray(result, np.float32).dtype == np.float32
    assert result.numpy().dtype == np.float64 and np.array_equal(result.numpy(), result.attribution)
    half = result.to(torch.bfloat16)
    assert half.numpy().dtype == np.float32 and half.images.dtype == half.score.dtype == torch.bfloat16
    assert half.residual.dtype == half.delta.dtype == torch.float64  # they measure errors
    assert half.target.dtype == torch.int64 and half.extras["zero_map"].dtype == torch.bool
    moved = result.to("meta", torch.float32)
    assert moved.attribution.device == moved.extras["zero_map"].device == moved.residual.device
    assert (moved.attribution.device.type, moved.attribution.dtype) == ("meta", torch.float32)
    assert result.attribution.dtype == torch.float64 and result.attribution.device.type == "cpu"
    assert torch.equal(result.to(dtype=torch.float64, device="cpu").attribution, result.attribution)
    with pytest.raises(TypeError, match=r"`dtype` must be a floating dtype, got torch\.int8"):
        result.to(torch.int8)
    assert torch.equal(pickle.loads(pickle.dumps(result)).attribution, result.attribution)


def cards(result, **options) -> np.ndarray:
    """The first picture of a sheet of one image, as it is shown."""
    return np.asarray(result[0].plot(**options))[62 : 62 + 168, 20 : 20 + 168]


@pytest.mark.parametrize(
    "preprocess",
    [
        pyxai.Preprocess(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        pyxai.Preprocess(mean=(104.0, 117.0, 123.0), channels="BGR", scale=255.0),
        pyxai.Preprocess(channels="BGR"),
    ],
    ids=str,
)
def test_inputs_are_shown_as_the_pictures_they_were(preprocess):
    dim = Image.eval(picture(1, 16), lambda value: 30 + value // 3)  # stretching it would show
    images = preprocess(dim)[None]
    result = pyxai.explain(tiny.net(), images, "gradient")
    wanted = np.asarray(dim.resize((168, 168), Image.Resampling.NEAREST))
    np.testing.assert_array_equal(cards(result, preprocess=preprocess), wanted)
    np.testing.assert_array_equal(cards(result, images=[dim]), wanted)
    np.testing.assert_array_equal(cards(result, images=np.asarray(dim)[None]), wanted)
    other = preprocess(picture(2, 16))[None]
    shown = cards(result, images=other, preprocess=preprocess)
    assert np.array_equal(shown, picture(2, 16).resize((168, 168), Image.Resampling.NEAREST))
    assert not np.array_equal(cards(result), wanted)


def test_names_on_a_plot():
    result = found(target=1)
    plain = np.asarray(result.plot())
    named = [np.asarray(result.plot(classes)) for classes in ({1: "cup"}, ["cat", "cup"], ("cat", "cup"))]
    assert (named[0] != plain).any() and all(np.array_equal(named[0], other) for other in named[1:])
    assert np.array_equal(np.asarray(found(target=1, class_names={0: "cat", 1: "cup"}).plot()), named[0])
    with pytest.raises(ValueError, match="`images` must hold 3, one for each, got 2"):
        result.plot(images=unfriendly.images(2))


def test_picture(tmp_path):
    path = found().save(tmp_path / "sheet.png")
    picture = Image.open(path)
    assert picture.width > 100 and len(picture.convert("RGB").getcolors(10**6)) > 50
