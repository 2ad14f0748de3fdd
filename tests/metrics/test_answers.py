"""The number that is followed is the probability of the class, whatever the model ends in."""

import warnings

import pytest
import torch
from torch import nn

from pyxai.metrics.answers import Answers

IMAGES = torch.rand(3, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
COPIES = torch.rand(5, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def body(outputs=4):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return (
            nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12, outputs)).double().eval()
        )


def ending(end, outputs=4):
    return nn.Sequential(body(outputs), end)


def answers(model, target=None, output_kind="auto", rows=5, images=IMAGES):
    return Answers(model, images, target, None, output_kind, rows, 5)


class Ensemble(nn.Module):
    def forward(self, scores):
        return (scores.softmax(1) + (scores / 2).softmax(1)) / 2


CASES = {  # model, output_kind, and what is followed for the classes 0 and 1, of the body's output
    "scores": (body(), "auto", lambda z: z.softmax(1)),
    "softmax": (ending(nn.Softmax(1)), "auto", lambda z: z.softmax(1)),
    "log-softmax": (ending(nn.LogSoftmax(1)), "auto", lambda z: z.softmax(1)),
    "probabilities": (ending(nn.Softmax(1)), "probabilities", lambda z: z.softmax(1)),
    "ensemble": (ending(Ensemble()), "probabilities", Ensemble()),
    "labels": (ending(nn.Sigmoid()), "auto", lambda z: z.sigmoid()),
    "function": (lambda images: body()(images).numpy(), "auto", lambda z: z.softmax(1)),
    "sigmoid": (ending(nn.Sigmoid(), 1), "auto", lambda z: torch.cat([1 - z.sigmoid(), z.sigmoid()], 1)),
    "logit": (body(1), "binary", lambda z: torch.cat([1 - z.sigmoid(), z.sigmoid()], 1)),
    "value": (body(1), "auto", lambda z: z.expand(-1, 2)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_probabilities(name):
    model, kind, wanted = CASES[name]
    outputs = 1 if name in ("sigmoid", "logit", "value") else 4
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asked = answers(model, None if name == "value" else [0, 1, 0], kind)
    with torch.no_grad():
        expected = wanted(body(outputs)(COPIES))
    for row in range(3):
        found = asked(COPIES, row)
        assert found.dtype == torch.float64
        torch.testing.assert_close(found, expected[:, row % 2])


def test_the_class_is_that_of_the_image_as_it_is():
    with torch.no_grad():
        classes = body()(IMAGES).argmax(1)
        wanted = body()(COPIES).softmax(1)
    asked = answers(body())
    for row in range(3):
        torch.testing.assert_close(asked(COPIES, row), wanted[:, classes[row]])


def test_a_callable_target_is_followed_itself():
    with torch.no_grad():
        wanted = body()(COPIES).square().sum(1)
    torch.testing.assert_close(answers(body(), lambda scores: scores.square().sum())(COPIES, 1), wanted)


def test_names_of_classes():
    model = body()
    model.class_names = ["ant", "bee", "cow", "dog"]
    torch.testing.assert_close(answers(model, "cow")(COPIES, 0), answers(body(), 2)(COPIES, 0))


def test_a_doubt_about_the_output_is_said():
    with pytest.warns(UserWarning, match="probabilities") as said:
        answers(ending(Ensemble()))
    assert len(said) == 1


@pytest.mark.parametrize("rows", [2, 3, 8])
def test_every_call_has_the_same_number_of_rows(rows):
    called = []

    def model(images):
        called.append(len(images))
        return images.sum((2, 3))

    asked = answers(model, rows=rows)
    called.clear()
    for number in range(1, rows + 1):
        asked(COPIES[:1].expand(number, -1, -1, -1), 0)
    assert called == [rows] * rows


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"target": "top2"}, ValueError, "`target` must be one class for each image, got 2 classes"),
        ({"target": [[0, 1]] * 3}, ValueError, "`target` must be one class for each image, got 2 classes"),
        ({"target": 4}, ValueError, r"`target` must be a class in \[0, 4\), got 4"),
        ({"output_kind": "logits"}, ValueError, "`output_kind` must be one of"),
        ({"rows": 0}, ValueError, "`rows` must be a positive whole number, got 0"),
        ({"images": IMAGES.float()}, TypeError, "`images` must have the model's dtype"),
        ({"images": IMAGES / 0}, ValueError, "`images` must be finite"),
        ({"images": IMAGES[0]}, ValueError, r"`images` must have shape \(N, C, H, W\)"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        answers(body(), **options)


def test_training_mode_is_refused():
    random = nn.Sequential(body(), nn.Dropout()).train()
    with pytest.raises(ValueError, match="`model` must be in evaluation mode: Dropout `1` is training"):
        answers(random)
    module = nn.Sequential(nn.Dropout(), nn.Flatten(0))
    with pytest.raises(ValueError, match="`target` must be in evaluation mode"):
        answers(body(), module.train())
