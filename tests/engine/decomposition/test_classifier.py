"""The classifier that a decomposition explains."""

import json

import numpy as np
import pytest
import torch

from pyxai.dxai.data import LabelledImages
from pyxai.engine import InputError, Preprocess
from pyxai.engine.decomposition.classifier import check_classes, explained_classifier, given_classifier
from pyxai.engine.decomposition.train import begin
from pyxai.engine.runner.distributed import World
from tests.dxai.conftest import MODEL, NETWORKS, folder


def test_a_trained_classifier_is_not_taken_for_another(tmp_path):
    data, out = folder(tmp_path / "data"), tmp_path / "run"
    begin(data, out, "train:simple", World(), **NETWORKS)
    made = json.loads((out / "classifier.json").read_text())
    assert 0 <= made["accuracy"] <= 1 and made["kind"] == "simple" and made["classes"] == ["dull", "red"]
    for kind, options, message in (
        ("train:simple", {"seed": 1}, "classifier.pt was trained with seed 0, not 1"),
        ("train:resnet18", {}, "with kind 'simple', not 'resnet18'"),
        ("train:simple", {"augmentation": "none"}, "with augmentation 'flip', not 'none'"),
        ("train:simple", {"image_size": 48}, "with size 32, not 48"),
    ):
        with pytest.raises(InputError, match=message):
            begin(data, out, kind, World(), **{**NETWORKS, **options})
    written = (out / "classifier.pt").stat().st_mtime_ns
    begin(data, out, "train:simple", World(), **NETWORKS)
    assert (out / "classifier.pt").stat().st_mtime_ns == written
    (out / "classifier.pt").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"cannot load the weights .*classifier\.pt"):
        begin(data, out, "train:simple", World(), **NETWORKS)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_logit(shape):
    """Its class 1 has the probability σ(s), and the decision is the sign of s."""

    class Model(torch.nn.Module):
        def forward(self, x):
            return x.sum((1, 2, 3)).reshape(shape)

    images = torch.randn(6, 1, 2, 2)
    probabilities = explained_classifier(Model())(images).softmax(1)
    torch.testing.assert_close(probabilities[:, 1], images.sum((1, 2, 3)).sigmoid())
    two = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 2))
    assert torch.equal(explained_classifier(two)(images), two(images))


def test_what_is_given_and_what_is_still_to_be_trained(tmp_path):
    (tmp_path / "model.py").write_text(MODEL)
    square = {"mean": (0.5,), "std": (0.5,)}
    for spec in ("discriminator", "train", "train:simple"):
        assert given_classifier(spec, None, False) == (None, Preprocess(64, 64, **square))
        assert given_classifier(spec, 32, True) == (None, Preprocess(32, 32, **square, channels="L"))
    model, preprocess = given_classifier(f"{tmp_path / 'model.py'}:coloured", 48, False)
    assert preprocess == Preprocess(48, 48, mean=(0.5,))
    assert not any(parameter.requires_grad for parameter in model.parameters())
    _, preprocess = given_classifier(f"{tmp_path / 'model.py'}:two", None, True)
    assert preprocess == Preprocess(channels="L")


def test_the_classes_are_those_of_the_pictures():
    images = LabelledImages(lambda row: torch.zeros(1, 8, 8), np.array([0, 1]), ("a", "b"))
    check_classes(lambda x: torch.zeros(len(x), 2), images)
    with pytest.raises(InputError, match="the classifier has 3 classes, the data 2"):
        check_classes(lambda x: torch.zeros(len(x), 3), images)
    with pytest.raises(InputError, match="the classifier does not take grey images of 8²: "):
        check_classes(torch.nn.Conv2d(3, 2, 1), images)


@pytest.mark.parametrize("end", [torch.nn.Softmax(1), torch.nn.LogSoftmax(1)])
def test_a_softmax_at_the_end_is_not_taken_twice(end):
    scores, images = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)), torch.randn(6, 1, 2, 2)
    found = explained_classifier(torch.nn.Sequential(scores, end).eval())(images)
    torch.testing.assert_close(found.softmax(1), scores(images).softmax(1))


def test_a_sigmoid_at_the_end_is_not_taken_twice():
    logit, images = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 1)), torch.randn(6, 1, 2, 2)
    found = explained_classifier(torch.nn.Sequential(logit, torch.nn.Sigmoid()).eval())(images)
    torch.testing.assert_close(found.softmax(1)[:, 1:], logit(images).sigmoid())
