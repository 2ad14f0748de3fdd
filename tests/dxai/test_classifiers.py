"""The training of the classifier that is explained."""

import numpy as np
import pytest
import torch

from pyxai.dxai import classifiers
from pyxai.dxai.classifiers import SimpleClassifier, fit
from pyxai.dxai.data import LabelledImages
from tests.dxai.conftest import CLASSES, labelled_images, pixels


def new_classifier(classes=2):
    torch.manual_seed(0)
    return SimpleClassifier(32, classes)


def test_it_learns_and_says_how_well():
    """Redness, from three dull pictures for each red one; the accuracy is that of pictures held out."""
    labels = (np.arange(80) % 4 == 1).astype(int)
    data = LabelledImages(lambda row: pixels(int(2 * row + labels[row])), labels, CLASSES)
    model = new_classifier()
    assert fit(model, data, epochs=8, batch=8) == 1.0
    images = torch.stack([pixels(row) for row in range(500, 540)])
    assert (model(images).argmax(1) == torch.arange(40) % 2).float().mean() > 0.9
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_the_best_weights_stay(monkeypatch):
    """And after five epochs without better ones it stops."""
    scores, states = iter([0.5, 0.9, 0.9, 0.2, 0.8, 0.1, 0.3, 1.0]), []

    def accuracy(model, *_):
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(classifiers, "accuracy", accuracy)
    model = new_classifier()
    assert fit(model, labelled_images()) == 0.9
    assert len(states) == 2 + classifiers.PATIENCE
    assert all(torch.equal(value, states[1][name]) for name, value in model.state_dict().items())
    assert not all(torch.equal(states[2][name], value) for name, value in states[1].items())


def test_a_tenth_of_every_class_is_held_out(monkeypatch):
    labels = np.repeat([0, 1, 2], [40, 5, 13])
    seen = []
    monkeypatch.setattr(classifiers, "accuracy", lambda model, data, rows, *_: seen.append(rows) or 1.0)
    read = []
    data = LabelledImages(lambda row: read.append(row) or pixels(row), labels, ("a", "b", "c"))
    fit(new_classifier(3), data, epochs=1)
    assert np.bincount(labels[seen[0]]).tolist() == [4, 1, 1]
    assert sorted([*read, *seen[0]]) == list(range(58))
    with pytest.raises(ValueError, match="two images of every class to train a classifier, got 1"):
        fit(new_classifier(), LabelledImages(pixels, np.array([0, 0, 1]), CLASSES))


def test_augmentation_is_the_one_asked_for(monkeypatch):
    kinds = []
    monkeypatch.setattr(classifiers, "augment", lambda images, kind, draws: kinds.append(kind) or images)
    fit(new_classifier(), labelled_images(), epochs=1, augmentation="dihedral")
    assert set(kinds) == {"dihedral"}
