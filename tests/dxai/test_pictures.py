"""Pictures of parts, and the examples that draw and compare them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from examples.dxai import ablations, figures
from pyxai.cli.dxai_train import train
from pyxai.dxai.decomposition import Decomposition
from pyxai.dxai.pictures import amplitude, bars, grid, sheet
from tests.dxai.conftest import SMALL, folder


def test_cells():
    """A part that is zero is grey; one channel is shown as three; what is too bright or dark is clipped."""
    grey, colour = torch.full((1, 2, 2), -2.0), torch.zeros(3, 2, 2)
    colour[0] = 1.0
    pixels = grid([[grey, colour], [colour, grey]])
    assert pixels.shape == (4, 4, 3) and pixels.dtype == np.uint8
    assert (pixels[:2, :2] == 0).all()
    assert (pixels[:2, 2:] == (255, 128, 128)).all()
    assert (pixels[2:, 2:] == 0).all()


def test_sheet():
    images = torch.stack([torch.full((3, 2, 2), value) for value in (-1.0, 1.0)])
    branches = torch.stack([images / 2, images / 4, images / 4], 1)
    pixels = sheet(images, Decomposition(branches, torch.zeros_like(images)))
    assert pixels.shape == (4 * 2, 2 * 2, 3)
    assert pixels[::2, 0, 0].tolist() == [0, 64, 64, 128]
    assert pixels[::2, 2, 0].tolist() == [255, 191, 191, 128]


def test_amplitude():
    distinct = torch.zeros(2, 3, 2, 2)
    distinct[0, :, 0, 0], distinct[0, :, 1, 1] = torch.tensor([1.0, -1.0, 1.0]), torch.tensor([0.0, 1.5, 0.0])
    found = amplitude(distinct)
    assert found[0, 0].tolist() == [[1.0, -1.0], [-1.0, 0.0]]
    assert (found[1] == -1).all()


def test_bars():
    cell = bars(torch.tensor([0.0, 0.25, 0.75]), 12)
    heights = [(cell[:, :, column] < 1).any(0).sum().item() for column in (1, 5, 9)]
    assert heights == [0, 3, 9]
    assert not torch.equal(cell[:, 11, 5], cell[:, 11, 9])  # classes have colours of their own


@pytest.fixture
def data(tmp_path):
    return folder(tmp_path / "data"), folder(tmp_path / "test", count=3)


def test_figures(data, tmp_path, capsys):
    training, test = data
    train(training, tmp_path / "run", **SMALL)
    words = ["--run", tmp_path / "run", "--data", test, "--out", tmp_path / "figure.png", "--shown", 1]
    figures.main([str(word) for word in words])
    with Image.open(tmp_path / "figure.png") as picture:
        assert picture.size == (2 * 9 * 32, 2 * (2 + 2) * 32)
        first = np.asarray(picture)[:64:2, :64:2]
    with Image.open(test / "dull" / "0.png") as picture:
        assert np.abs(first.astype(int) - np.asarray(picture)).max() <= 1
    said = capsys.readouterr().out
    assert said.count("β = ") == 10 and "mean probabilities of pictures of red" in said


@pytest.mark.slow
def test_ablations(data, tmp_path, monkeypatch):
    monkeypatch.setattr(ablations, "CLASSIFIERS", ("simple",))  # a ResNet-18 takes longer
    words = ["--data", data[0], "--test", data[1], "--out", tmp_path / "runs", "--iterations", 1]
    words += ["--discriminator-width", 4, "--json", tmp_path / "result.json"]
    ablations.main([str(word) for word in words])
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["ablations"].keys() == ablations.VARIANTS.keys() == result["curves"].keys()
    assert result["matching"].keys() == {"simple"}
    objectives = []
    for number in range(len(ablations.VARIANTS)):
        state = torch.load(tmp_path / "runs" / f"variant{number}" / "checkpoint.pt", weights_only=True)
        objectives.append({**state["recipe"]["objective"], "branches": state["recipe"]["branches"]})
    changed = [{k: v for k, v in one.items() if v != objectives[0][k]} for one in objectives]
    assert changed == [
        {},
        {"zero_distinction": False},
        {"branches": 2},
        {"distinct_reconstruction": 0.0},
        {"orthogonality": 0.0},
    ]
