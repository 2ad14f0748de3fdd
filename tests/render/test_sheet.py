"""Contact sheets."""

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai.render import Row, contact_sheet
from pyxai.render.sheet import label_of, score_name
from tests.engine import tiny


def rows(count: int) -> list[Row]:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)
    return [Row(image, rng.normal(size=(12, 16)), f"class {k}", 1.5 * k, 0.01 * k) for k in range(count)]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 1), (4, 2), (16, 2), (17, 3)])
def test_layout(tmp_path, count, columns):
    sheet = contact_sheet(rows(count), tmp_path / "sheet.png", title="a method")
    assert Image.open(tmp_path / "sheet.png").size == sheet.size
    assert sheet.width // 500 == columns
    assert np.asarray(sheet).std() > 20


def test_captions_fit_and_change_the_picture():
    plain = np.asarray(contact_sheet([Row(*_pair())]))
    named = np.asarray(
        contact_sheet([Row(*_pair(), label="a very long class name " * 10, score=3.0, residual=0.5)])
    )
    assert plain.shape == named.shape
    assert (named[:, -15:] == 255).all(), "text runs into the margin"
    assert (plain != named).any()


def _pair():
    return rows(1)[0].image, rows(1)[0].heatmap


@pytest.mark.parametrize("cmap", ["diverging", "jet", "gray"])
def test_maps_without_negative_values(cmap):
    image, heatmap = _pair()
    assert np.asarray(contact_sheet([Row(image, np.abs(heatmap))], cmap=cmap)).std() > 10


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        contact_sheet([])


def test_explanations_plot_themselves(tmp_path):
    images = torch.rand(2, 3, 12, 12)
    one = pyxai.explain(tiny.net(), images, "integrated_gradients", steps=2)
    assert one.save(tmp_path / "one.png").exists()
    several = pyxai.explain(tiny.net(), images, "gradient", target="top3")
    assert several.plot().height > one.plot().height


def test_cards_say_what_is_explained():
    images, net = torch.rand(2, 3, 12, 12), tiny.net()
    score = pyxai.explain(net, images, "gradient", 1)
    assert (label_of(score, 1, {}), label_of(score, 1, {1: "dog"})) == ("1", "dog")
    p = pyxai.explain(tiny.softmax_net(), images, "gradient", output_kind="probabilities")
    value = pyxai.explain(tiny.single_net(), images, "gradient")
    logit = pyxai.explain(tiny.single_net(), images, "gradient", output_kind="binary")
    number = pyxai.explain(net, images, "gradient", tiny.margin)
    names = [score_name(one) for one in (score, p, value, logit, number)]
    assert names == ["score", "probability", "value", "logit", "value"]
    assert (label_of(value, 0, {}), label_of(number, 0, {})) == ("output", "tests.engine.tiny:margin")
    assert np.asarray(value.plot()).std() > 0
