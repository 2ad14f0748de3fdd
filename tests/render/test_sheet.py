"""Contact sheets."""

from collections import defaultdict

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from pyxai.render import Row, contact_sheet
from pyxai.render.sheet import GAP, TILE, label_of, score_name, sheet_of
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


@pytest.mark.parametrize("per_image", [1, 2, 3, 4, 5, 6, 7, 11])
@pytest.mark.parametrize("images", [1, 4])
def test_the_cards_of_an_image_stay_together(written, images, per_image):
    cards = [Row(*_pair(), label=f"of {image}") for image in range(images) for _ in range(per_image)]
    sheet = contact_sheet(cards, per_image=per_image)
    lines, places = defaultdict(set), defaultdict(list)
    for (left, top), text in written:
        if text.startswith("of "):
            lines[text].add(top)
            places[text].append((top, left))
    assert len({place for found in places.values() for place in found}) == images * per_image
    assert all(found == sorted(found) for found in places.values())
    assert {len(found) for found in lines.values()} == {-(-per_image // 5)}
    if per_image > 5:
        assert len(set().union(*lines.values())) == sum(map(len, lines.values())), "of two images on one line"
    assert sheet.height > max(top for found in lines.values() for top in found) + 20


def test_a_map_of_zeros_is_called_so(written, tmp_path):
    image, heatmap = _pair()
    faint, unknown = np.zeros((12, 16)), np.zeros((12, 16))
    faint[3, 4], unknown[3, 4] = 1e-30, np.nan
    contact_sheet([Row(image, heatmap), Row(image, faint), Row(image, unknown, score=1.0)])
    assert not [text for _, text in written if "zero map" in text]
    contact_sheet([Row(image, heatmap), Row(image, 0 * heatmap, "cat", 2.0), Row(None, 0 * heatmap)])
    assert [text for _, text in written if "zero map" in text] == ["zero map   score 2", "zero map"]
    written.clear()
    found = pyxai.explain(tiny.asleep_net(), torch.rand(2, 3, 12, 12), "gradient")
    assert found.extras["zero_map"].all()
    found.save(tmp_path / "zeros.png")
    assert len([text for _, text in written if "zero map" in text]) == 2


def test_names_of_any_length_and_kind_are_drawn_on_one_line(written):
    title = "a\nb" * 10**6
    contact_sheet([Row(*_pair(), label="\n" + title)], title=title)
    drawn = [text for _, text in written if text.startswith("a ba")]
    assert len(drawn) == 2 and not any("\n" in text for text in drawn)


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


def test_names_and_failures_are_written(written):
    image, heatmap = _pair()
    contact_sheet([Row(image, heatmap, "cat", 2.0, name="row 7, cat.png")])
    assert {"cat", "score 2", "row 7, cat.png"} <= {text for _, text in written}
    written.clear()
    nothing = np.full_like(heatmap, np.nan)
    contact_sheet(
        [Row(image, nothing, name="row 8", failed="failed: cut off"), Row(None, nothing, failed="pending")]
    )
    texts = [text for _, text in written]
    assert {"failed: cut off", "row 8", "pending"} <= {*texts} and not any("score" in text for text in texts)


def test_an_empty_sheet_is_refused():
    with pytest.raises(ValueError, match="at least one row"):
        contact_sheet([])
    with pytest.raises(ValueError, match="`per_image` must be at least 1, got 0"):
        contact_sheet(rows(1), per_image=0)


def test_explanations_plot_themselves(tmp_path):
    images = torch.rand(2, 3, 12, 12)
    one = pyxai.explain(tiny.net(), images, "integrated_gradients", steps=2)
    assert one.save(tmp_path / "one.png").exists()
    several = pyxai.explain(tiny.net(), images, "gradient", target="top3")
    assert several.plot().width > 2.5 * one.plot().width and several.plot().height == one.plot().height


def test_names_in_order_must_be_of_every_class(written):
    found = pyxai.explain(tiny.net(), torch.rand(2, 3, 12, 12), "gradient", [0, 3])
    with pytest.raises(
        ValueError, match=r"`classes` must name every class in order.*, got 1 names and class 3"
    ):
        found.plot(classes=["a"])
    found.plot(classes={0: "a"})
    found.plot(classes=["a", "b", "c", "d"])
    assert [text for _, text in written if text in {*"abcd0123"}] == ["a", "3", "a", "d"]


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


def clip_row(frames=12, **changes):
    images = np.random.default_rng(1).integers(0, 256, (frames, 6, 8, 3), np.uint8)
    heatmap = np.random.default_rng(2).normal(size=(frames, 6, 8))
    return Row(**{"image": images, "heatmap": heatmap, "label": "left", "score": 2.5} | changes)


def test_a_clip_has_a_line_of_frames_for_each_picture(written):
    sheet = contact_sheet([clip_row(), clip_row(3, label="right")], title="fem")
    texts = [text for _, text in written]
    assert sheet.width == 2 * 20 + 8 * (TILE + GAP) - GAP
    assert "frames of the input, heat map and overlay" in texts and {"left", "right"} <= {*texts}
    below = {text: place[1] for place, text in written if text in ("left", "right")}
    assert below["right"] - below["left"] == 3 * (TILE + GAP) - GAP + 40
    top = np.asarray(sheet)[62 : 62 + TILE]
    assert (top[:, 20 + 7 * (TILE + GAP) : 20 + 7 * (TILE + GAP) + TILE] != 255).any()


def test_clips_alone_and_zero_maps_of_clips(written):
    zero = np.zeros((4, 6, 8))
    contact_sheet([clip_row(4, image=None, heatmap=zero)])
    texts = [text for _, text in written]
    assert any(text.startswith("zero map") for text in texts) and "frames of the heat map" in texts
    late = zero.copy()
    late[3, 5, 5] = 1.0
    written.clear()
    contact_sheet([clip_row(4, image=None, heatmap=late)])
    assert not any("zero map" in text for _, text in written)


def test_pictures_and_clips_are_not_on_one_sheet():
    picture = Row(np.zeros((6, 8, 3), np.uint8), np.zeros((6, 8)))
    with pytest.raises(ValueError, match="`rows` must hold pictures or clips, got both"):
        contact_sheet([clip_row(), picture])


def test_the_sheet_of_an_explanation_of_clips(written):
    model = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.AdaptiveAvgPool3d(1), torch.nn.Flatten())
    clips = torch.rand(2, 3, 5, 6, 8, generator=torch.Generator().manual_seed(0))
    found = pyxai.explain(model.eval(), clips, "gradient", torch.tensor([[0, 1], [2, 3]]))
    sheet = sheet_of(found)
    assert sheet.width == 2 * 20 + 5 * (TILE + GAP) - GAP
    assert [text for _, text in written if text in "0123"] == ["0", "1", "2", "3"]
