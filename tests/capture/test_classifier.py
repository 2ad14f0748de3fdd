"""What a model returns as a matrix of class scores, and what is asked of the model before it is used."""

import types

import numpy as np
import pytest
import torch
from torch import nn

from pyxai.capture.classifier import (
    Classifier,
    check_evaluation_mode,
    parameter_device,
    parameter_dtype,
)
from pyxai.capture.needs import Needs

IMAGES = torch.rand(2, 3, 4, 4)
SCORES = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


class Returns(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, images):
        return self.value


@pytest.mark.parametrize(
    "value",
    [SCORES, (SCORES, None), [SCORES], {"x": SCORES}, types.SimpleNamespace(logits=SCORES)],
)
def test_the_scores_are_found_in_what_a_model_returns(value):
    assert torch.equal(Classifier(Returns(value))(IMAGES), SCORES)


@pytest.mark.parametrize("value", [SCORES[:, 0], SCORES[:, :1]])
def test_one_output_is_a_column(value):
    assert Classifier(Returns(value))(IMAGES).tolist() == [[1], [4]]


def test_output_picks():
    raw = {"x": SCORES, "y": -SCORES}
    for output in (lambda raw: -raw["x"], "y", 1):
        assert torch.equal(Classifier(Returns(raw), output)(IMAGES), -SCORES)
    with pytest.raises(TypeError, match="`output` must be an index, a key or a function, got float"):
        Classifier(Returns(raw), 1.0)


def test_any_shape_is_an_output_where_a_callable_makes_a_number_of_it():
    maps = torch.rand(2, 3, 4, 4)
    assert torch.equal(Classifier(Returns(maps), any_shape=True)(IMAGES), maps)
    with pytest.raises(ValueError, match=r"shape \(N, classes\), got \(2, 3, 4, 4\).* a callable `target`"):
        Classifier(Returns(maps))(IMAGES)


@pytest.mark.parametrize("wrapper", [nn.DataParallel, torch.compile])
def test_wrappers_are_taken_off(wrapper):
    model = Returns(SCORES)
    assert Classifier(wrapper(model)).model is model


@pytest.mark.parametrize("wrapper", [nn.DataParallel, torch.compile])
@pytest.mark.parametrize("hook", ["forward_pre_hook", "forward_hook", "full_backward_hook"])
def test_a_wrapper_with_hooks_is_the_model(wrapper, hook):
    wrapped = wrapper(Returns(SCORES))
    getattr(wrapped, f"register_{hook}")(lambda module, *values: None)
    assert Classifier(wrapped).model is wrapped
    assert Classifier(nn.DataParallel(wrapped)).model is wrapped


def test_a_function_serves_what_needs_scores_only():
    classifier = Classifier(lambda images: np.asarray(images)[:, :, 0, 0])
    assert classifier.is_function and torch.equal(classifier(IMAGES), IMAGES[:, :, 0, 0])
    classifier.check_serves(Needs.SCORES)
    for needs in (Needs.GRADIENTS, Needs.GRAPH):
        with pytest.raises(
            TypeError, match=f"`model` must be a .*, for the method needs its {needs}, got func"
        ):
            classifier.check_serves(needs)
    Classifier(Returns(SCORES)).check_serves(Needs.GRAPH)


@pytest.mark.parametrize(
    "value, error, message",
    [
        ("cat", TypeError, "must be a tensor, got str"),
        (SCORES[:1], ValueError, r"one row per image, got \(1, 3\) for 2 images"),
        (torch.zeros(2, 3, 4), ValueError, r"shape \(N, classes\), got \(2, 3, 4\)"),
    ],
)
def test_what_are_no_scores(value, error, message):
    with pytest.raises(error, match=message):
        Classifier(Returns(value))(IMAGES)
    with pytest.raises(
        TypeError, match=r"`model` must be a torch.nn.Module or a function of images, got int"
    ):
        Classifier(3)


@pytest.mark.parametrize(
    "module, refused",
    [
        (nn.BatchNorm2d(3), "must be in evaluation mode: BatchNorm2d `1` is training"),
        (nn.Dropout(0.5), "must be in evaluation mode: Dropout `1` is training"),
        (nn.BatchNorm2d(3, track_running_stats=False), "must treat each image alone: BatchNorm2d `1`"),
        (nn.Dropout(0.0), None),
        (nn.MultiheadAttention(3, 1, dropout=0.1), "must be in evaluation mode: MultiheadAttention `1`"),
        (nn.MultiheadAttention(3, 1), None),
        (nn.LSTM(3, 3, 2), None),
        (nn.RReLU(0.2, 0.2), None),
        (nn.RReLU(), "must be in evaluation mode: RReLU `1` is training"),
        (nn.ReLU(), None),
    ],
)
def test_modules_that_training_changes_are_named(module, refused):
    model = nn.Sequential(nn.Conv2d(3, 3, 1), module).train()
    if refused is None:
        check_evaluation_mode(model)
        return
    with pytest.raises(ValueError, match=refused):
        check_evaluation_mode(model)


def test_dtype_and_device_are_those_of_the_parameters():
    model = nn.Sequential(nn.ReLU(), nn.Linear(2, 2).double())
    assert (parameter_dtype(model), parameter_device(model)) == (torch.float64, torch.device("cpu"))
    assert parameter_dtype(nn.ReLU()) is parameter_device(nn.ReLU()) is None


@pytest.mark.parametrize("value", [nn.Parameter(torch.full((8,), 3.0)), 0, "same", None])
def test_what_a_module_calls_its_attributes_decides_nothing(value):
    model = nn.Sequential(nn.Dropout(0.5), nn.Identity())
    model[1].p = model[1].dropout = model[1].track_running_stats = value
    check_evaluation_mode(model.eval())
