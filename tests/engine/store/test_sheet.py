"""A contact sheet of rows of a store."""

import numpy as np
import pytest
from PIL import Image

from pyxai import engine
from pyxai.engine.store import sheet
from pyxai.engine.store.sheet import draw
from tests.engine.conftest import TINY, fill_folder, picture


@pytest.fixture
def cards(monkeypatch):
    """What is handed to the drawing of the cards."""
    heard = {}

    def hear(cards, path, **options):
        heard.update(options, cards=cards)

    monkeypatch.setattr(sheet, "contact_sheet", hear)
    return heard


def test_a_card_for_each_row_and_target(job, tmp_path, cards):
    folder = fill_folder(tmp_path / "few", 3)
    run = engine.open(engine.run(job(data=folder, target="top2")).store)
    draw(run, [2, 0], tmp_path / "sheet.png", {int(run[2].target[0, 1]): "cat"}, "gray")
    assert (cards["title"], cards["cmap"]) == (f"integrated_gradients, {TINY}:net", "gray")
    found = cards["cards"]
    assert len(found) == 4 and cards["per_image"] == 2
    np.testing.assert_array_equal(found[0].image, np.asarray(picture(1)))
    for place, card in enumerate(found[:2]):
        np.testing.assert_array_equal(card.heatmap, run[2].heatmap()[0, place].numpy())
        assert card.score == float(run[2].score[0, place])
        assert card.residual == float(run[2].residual[0, place])
        assert card.name == "row 2, odd/0001.png"
    assert (found[0].label, found[1].label) == (f"class {int(run[2].target[0, 0])}", "cat")


def test_maps_of_a_layers_size_are_stored_and_drawn(job, tmp_path):
    options = {"layer": "1", "upsample": False}
    made = engine.run(job(data=fill_folder(tmp_path / "few", 3), method="grad_cam", options=options))
    run = engine.open(made.store)
    height, width = run.image(0).shape[:2]
    assert run[:].attribution.shape == (3, 1, height - 2, width - 2)
    draw(run, [0, 1, 2], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_grey_pictures_and_no_model(job, tmp_path, cards):
    folder = fill_folder(tmp_path / "few", 2)
    grey = job(data=folder, model=f"{TINY}:grey_net", method="gradient", out=tmp_path / "grey")
    draw(engine.open(engine.run(grey).store), [0], tmp_path / "sheet.png")
    assert cards["cards"][0].image.shape == (12, 12, 3) and cards["cards"][0].residual is None
    bare = job(data=folder, model=None, method="entropy", out=tmp_path / "bare")
    draw(engine.open(engine.run(bare).store), [1], tmp_path / "sheet.png")
    (card,) = cards["cards"]
    assert (card.label, card.score, cards["title"]) == ("odd/0001.png", None, "entropy")
    assert card.name == "row 1"


def test_the_sheet_is_written(job, tmp_path):
    run = engine.open(engine.run(job(data=fill_folder(tmp_path / "few", 2), method="gradient")).store)
    draw(run, range(2), tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 500
    with pytest.raises(ValueError, match="at least one"):
        draw(run, [], tmp_path / "empty.png")
