"""The classifier that a training made beside its generators."""

import pytest
import torch

from pyxai.dxai.training import CLASSIFIER, Training
from pyxai.engine import InputError, Preprocess
from pyxai.engine.models.dxai import kind_to_train, new_classifier, training_preprocess
from pyxai.engine.models.load import load_model
from tests.dxai.conftest import labelled_images, small_recipe


def begun(out, **changes):
    """A training whose checkpoint is there, though no step is done."""
    training = Training(small_recipe(**changes), labelled_images(), None, out)
    training.save()
    return training


def test_the_discriminator_of_a_run(tmp_path):
    training = begun(tmp_path)
    loaded = load_model(f"dxai:{tmp_path}")
    assert loaded.preprocess == Preprocess(32, 32, mean=(0.5,), std=(0.5,))
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(loaded.model(images), training.step.average.discriminator.eval()(images))
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())


def test_the_classifier_that_was_trained_first(tmp_path):
    begun(tmp_path, classifier="train:simple 0123", black=(-1.0,), white=(1.0,), channels="L")
    model = new_classifier("simple", 32, 2, 1)
    torch.save(model.state_dict(), tmp_path / CLASSIFIER)
    loaded = load_model(f"dxai:{tmp_path}")
    assert loaded.preprocess.channels == "L"
    images = torch.rand(2, 1, 32, 32)
    assert torch.equal(loaded.model(images), model.eval()(images))


def test_runs_that_have_none(tmp_path):
    with pytest.raises(InputError, match=r"^no checkpoint\.pt in"):
        load_model(f"dxai:{tmp_path}")
    begun(tmp_path, classifier="mine.py:net 0123")
    with pytest.raises(InputError, match=r"was trained for the model mine\.py:net: give that"):
        load_model(f"dxai:{tmp_path}")


def test_kinds():
    kinds = [kind_to_train(spec) for spec in ("train", "train:simple", "discriminator", "timm:train")]
    assert kinds == ["resnet18", "simple", None, None]
    with pytest.raises(InputError, match="train:NAME knows simple, resnet18, got 'vgg'"):
        new_classifier("vgg", 32, 2, 3)
    assert training_preprocess(48, 1) == Preprocess(48, 48, mean=(0.5,), std=(0.5,), channels="L")
