"""The demonstration's two classifiers: right, and small."""

import importlib.util

import numpy as np
import pytest
import torch

from pyxai.demo import networks, pictures, train

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("sklearn", "skimage")),
    reason="needs scikit-learn and scikit-image",
)


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


def test_saved_weights_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "WEIGHTS", tmp_path / "weights")
    network = networks.untrained_digits()
    networks.save(network, "digits")
    loaded = networks.load(networks.untrained_digits(), "digits")
    for name, value in network.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])
