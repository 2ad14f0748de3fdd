"""Fixed rows: what a row computes does not depend on its mates, its place, or how many were handed in."""

import pytest
import torch

from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from tests import zoo


def executor(name, rows):
    ((_, model, images),) = zoo.models([name], n=5, small=True)
    return Executor(capture(Classifier(model), images), rows), images


def first_class(scores):
    return torch.zeros(len(scores), 1, dtype=torch.int64)


@pytest.mark.parametrize(
    "name",
    ["resnet18", "resnet20", "squeezenet1_0", pytest.param("mobilenet_v3_small", marks=pytest.mark.slow)],
)
def test_a_rows_bits_do_not_depend_on_mates_place_or_padding(name):
    run, images = executor(name, 8)
    everyone = run.gradients(images, first_class)[0][0]
    assert torch.equal(everyone[2:3], run.gradients(images[2:3], first_class)[0][0])
    assert torch.equal(everyone.flip(0), run.gradients(images.flip(0), first_class)[0][0])
    mates = torch.cat([images[2:3], torch.rand_like(images)])
    assert torch.equal(everyone[2:3], run.gradients(mates, first_class)[0][0][:1])
    assert torch.equal(run.scores(images)[2:3], run.scores(images[2:3]))


def test_blocks_cover_everything_once():
    run, _ = executor("resnet20", 8)
    assert [(block.start, block.stop) for block in run.blocks(19)] == [(0, 8), (8, 16), (16, 19)]
    assert list(run.blocks(0)) == []


def test_several_classes_share_a_forward_and_equal_one_at_a_time():
    run, images = executor("resnet20", 8)
    both = torch.tensor([[3, 7]]).expand(5, 2)
    gradients, scores, classes = run.gradients(images, lambda _: both)
    assert len(gradients) == 2 and scores.shape == (5, 2) and torch.equal(classes, both)
    for column, gradient in zip((3, 7), gradients, strict=True):
        alone = run.gradients(images, lambda _, column=column: torch.full((5, 1), column))[0][0]
        assert torch.equal(alone, gradient)


def test_prediction_rows_are_few():
    assert [executor("resnet20", rows)[0].prediction_rows for rows in (1, 3, 10, 64)] == [1, 1, 2, 16]


def test_scores_can_be_asked_for_in_calls_of_any_rows():
    run, images = executor("resnet20", 8)
    called = []
    run.program.forward.register_forward_pre_hook(lambda module, arguments: called.append(len(arguments[0])))
    scores = run.scores(images, 8)
    assert called == [8] and torch.allclose(scores, run.scores(images), rtol=1e-5, atol=1e-6)
    assert called == [8, 2, 2, 2]
