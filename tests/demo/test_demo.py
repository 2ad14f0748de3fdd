"""The demonstration's pictures, its networks, and a run of it from end to end."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util

import numpy as np
import pytest
import torch
from PIL import Image

from pyxai import demo
from pyxai.demo import networks, pictures, train
from pyxai.engine import InputError

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "skimage")),
    reason="needs scikit-learn and scikit-image",
)


def test_photographs_have_the_promised_size():
    for name in pictures.PHOTOGRAPHS:
        image = pictures.photograph(name)
        assert image.dtype == np.uint8
        assert min(image.shape[:2]) == pictures.SHORT_SIDE
        assert image.shape[2] == 3


def test_training_and_test_parts_share_no_pixel():
    """Marked by its column, every pixel is in one part at most."""
    image = np.broadcast_to(np.arange(600), (400, 600)).copy()[..., None]
    training, test = (
        {column for part in parts(image) for column in np.unique(part)}
        for parts in (pictures.training_parts, pictures.test_parts)
    )
    assert training
    assert test
    assert not training & test
    assert all(part.shape[1] >= pictures.CROP for part in pictures.test_parts(image))


def test_digits_are_split_without_overlap():
    training, test = pictures.split_digits(1797)
    assert sorted([*training, *test]) == list(range(1797))
    assert len(test) == 450


def test_grid_has_the_crops_it_says_it_has():
    parts = [[np.full((120, 130, 3), number, np.uint8)] for number in range(8)]
    chosen, image = pictures.grid(parts, np.random.default_rng(0))
    cells = image.reshape(2, pictures.CROP, 2, pictures.CROP, 3).transpose(0, 2, 1, 3, 4).reshape(4, -1)
    assert len(set(chosen)) == 4
    assert [set(cell) for cell in cells] == [{number} for number in chosen]


def test_share_in_cell_counts_positive_evidence_only():
    heatmap = np.full((192, 192), -5.0)
    heatmap[:96, 96:] = 1.0
    assert pictures.share_in_cell(heatmap, 1) == 1.0
    assert pictures.share_in_cell(heatmap, 2) == 0.0
    assert pictures.share_in_cell(np.ones((192, 192)), 3) == 0.25


def test_digits_network_is_trained():
    model, preprocess = networks.digits()
    images, labels = pictures.digit_images()
    test = pictures.split_digits(len(labels))[1]
    with torch.no_grad():
        predicted = model(preprocess.normalise(train.pixels(images[test]))).argmax(1)
    assert (predicted.numpy() == labels[test]).mean() > 0.97


def test_photographs_network_is_trained():
    """On grids of bands it was not trained on; always saying no would be right half of the time."""
    model, preprocess = networks.photographs()
    parts = [pictures.test_parts(pictures.photograph(name)) for name in pictures.PHOTOGRAPHS]
    random = np.random.default_rng(7)
    chosen, images = zip(*(pictures.grid(parts, random) for _ in range(40)), strict=True)
    with torch.no_grad():
        scores = model(preprocess.normalise(train.pixels(np.stack(images)))).numpy()
    there = np.array([[number in four for number in range(8)] for four in chosen])
    assert ((scores > 0) == there).mean() > 0.9


def test_weights_are_small_enough_to_ship():
    assert sum(path.stat().st_size for path in networks.WEIGHTS.glob("*.npz")) < 300_000


def test_fitting_learns():
    """A few steps on two classes that differ in brightness."""
    torch.manual_seed(0)

    def draw():
        wanted = torch.eye(2)[torch.randint(2, (16,))]
        return torch.rand(16, 3, 8, 8) + wanted[:, :1, None, None], wanted

    network = train.fit(networks.SmallCNN((4, 4), 2, shrink=False), draw, 60)
    images, wanted = draw()
    assert not network.training
    assert (network(images).argmax(1) == wanted.argmax(1)).all()


def test_saved_weights_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "WEIGHTS", tmp_path / "weights")
    network = networks.untrained_digits()
    networks.save(network, "digits")
    loaded = networks.load(networks.untrained_digits(), "digits")
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])


def test_demonstration_runs_twice_into_the_same_folder(tmp_path, monkeypatch, capsys):
    """Small, but through the same code: pictures, engine, sheets, and a dozen lines with all of it."""
    for name, write, count in (("DIGITS", "write_digits", 6), ("PHOTOGRAPHS", "write_grids", 3)):
        few = functools.partial(getattr(pictures, write), count=count)
        monkeypatch.setattr(demo, name, dataclasses.replace(getattr(demo, name), write=few))
    monkeypatch.setattr(demo, "METHODS", {"saliency": {}, "integrated_gradients": {"steps": 8}})
    for _ in range(2):
        demo.run(tmp_path)
        printed = capsys.readouterr()
        assert not printed.err
        table = [line.split() for line in printed.out.splitlines() if line.startswith(("saliency", "integ"))]
        assert [(row[0], row[2] == row[4] == "-", row[5][-1]) for row in table] == [
            ("saliency", True, "%"),
            ("integrated_gradients", False, "%"),
        ]
        assert f"{tmp_path}/*.png" in printed.out
        assert len(printed.out.splitlines()) + 3 == 12  # there are three more methods
        assert max(map(len, printed.out.replace(str(tmp_path), "").splitlines())) <= 100
    for name, count in (("digits", 6), ("photographs", 3)):
        assert len(list((tmp_path / name).glob("*.png"))) == count
        for method in ("saliency", "integrated_gradients"):
            assert (demo.open(tmp_path / f"{name}-{method}.zarr").status == 1).all()
            assert Image.open(tmp_path / f"{name}-{method}.png").width > 500


def test_evidence_lies_where_the_photograph_is(tmp_path):
    """Integrated Gradients finds the right quarter of grids never seen: by chance it would be 25 %."""
    pictures.write_grids(tmp_path / "grids", 8)
    store = tmp_path / "run.zarr"
    demo.explain(
        demo.Job(demo.PHOTOGRAPHS.model, tmp_path / "grids", store, "integrated_gradients", {"steps": 16})
    )
    shares = demo.cell_shares(store)
    assert len(shares) >= 7
    assert np.mean(shares) > 0.5


def test_missing_packages_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="scikit-learn and scikit-image: pip install"):
        demo.run(tmp_path)


def test_unwritable_folder_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        demo.run(tmp_path / "file")
