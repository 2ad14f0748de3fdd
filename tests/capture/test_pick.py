"""Which tensor is meant of what models return, in all the forms that models return tensors in."""

import dataclasses
import types
from collections import OrderedDict, namedtuple

import numpy as np
import pytest
import torch

from pyxai.capture.pick import picked

IMAGES = torch.zeros(2, 3, 4, 4)
SCORES, FEATURES, MAPS = torch.rand(2, 5), torch.rand(2, 16), torch.rand(2, 5, 4, 4)
Pair = namedtuple("Pair", ["first", "second"])


@dataclasses.dataclass
class Record:
    features: torch.Tensor
    scores: torch.Tensor


@dataclasses.dataclass
class Loss:
    scores: torch.Tensor
    loss: torch.Tensor | None = None


@pytest.mark.parametrize(
    "raw",
    [
        SCORES,
        (SCORES,),
        [SCORES, None],
        (SCORES, MAPS),
        (SCORES, SCORES.argmax(1), torch.rand(()), torch.rand(7, 5)),
        {"out": SCORES, "name": "net"},
        ({"deep": [SCORES]},),
        Loss(SCORES),
        OrderedDict(features=FEATURES, logits=SCORES),
        types.SimpleNamespace(logits=SCORES, hidden=FEATURES),
        Pair(SCORES, MAPS),
    ],
)
def test_the_only_one_that_could_be_meant(raw):
    assert picked(raw, None, IMAGES) is SCORES


@pytest.mark.parametrize(
    "raw, paths",
    [
        ((FEATURES, SCORES), ["0", "1"]),
        ([SCORES, SCORES], ["0", "1"]),
        ({"features": FEATURES, "scores": SCORES}, ["'features'", "'scores'"]),
        (Record(FEATURES, SCORES), ["'features'", "'scores'"]),
        (Pair(FEATURES, SCORES), ["'first'", "'second'"]),
        ((FEATURES, {"heads": (SCORES,)}), ["0", "'1.heads.0'"]),
        ((FEATURES[:, 0], SCORES), ["0", "1"]),
    ],
)
def test_several_that_could_be_meant_are_listed_with_their_shapes_and_can_be_asked_for(raw, paths):
    with pytest.raises(
        ValueError, match="`output` must say which tensor of the model's output is meant"
    ) as e:
        picked(raw, None, IMAGES)
    for path, value in zip(
        paths, (raw[0] if isinstance(raw, tuple | list) else FEATURES, SCORES), strict=True
    ):
        assert f"output={path} of shape {tuple(value.shape)}" in str(e.value)
        asked = path.strip("'") if "'" in path else int(path)
        assert picked(raw, asked, IMAGES) is value and picked(raw, str(asked), IMAGES) is value


def test_where_any_shape_will_do_maps_could_be_meant_too():
    assert picked((MAPS, torch.rand(())), None, IMAGES, any_shape=True) is MAPS
    with pytest.raises(ValueError, match=r"output=0 of shape \(2, 5\), output=1 of shape \(2, 5, 4, 4\)"):
        picked((SCORES, MAPS), None, IMAGES, any_shape=True)


def test_by_position_by_key_and_by_a_function():
    raw = OrderedDict(features=FEATURES, scores=SCORES)
    for output in (1, -1, "scores", lambda raw: raw["scores"]):
        assert picked(raw, output, IMAGES) is SCORES
    assert picked({"a.b": SCORES, "a": {"b": FEATURES}}, "a.b", IMAGES) is SCORES
    for output in (2, "score", "scores.0", "features.x"):
        with pytest.raises(ValueError, match=r"`output` must be one of .* output='scores' of shape \(2, 5\)"):
            picked(raw, output, IMAGES)


def test_one_tensor_has_no_parts():
    for output in (0, -1, "logits", "0"):
        with pytest.raises(ValueError, match=r"`output` must be a function, or left out, .* \(2, 5\), got"):
            picked(SCORES, output, IMAGES)


def test_arrays_count_as_tensors_and_a_circle_ends():
    array = SCORES.numpy()
    assert picked({"scores": array, "classes": np.zeros(2, int)}, None, IMAGES) is array
    circle = {"scores": SCORES}
    circle["self"] = circle
    assert picked(circle, None, IMAGES) is SCORES


def test_what_holds_no_tensor_is_returned_for_the_callers_own_message():
    for raw in ("cat", {}, None, 3):
        assert picked(raw, None, IMAGES) is raw
