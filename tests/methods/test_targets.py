"""Which classes are explained."""

import pytest
import torch

from pyxai.methods.targets import parse_target, top

IMAGES = torch.zeros(3, 1, 2, 2)
SCORES = torch.tensor([[0.0, 3.0, 1.0], [5.0, 4.0, 3.0], [0.0, 1.0, 2.0]])


@pytest.mark.parametrize(
    "target, classes, single",
    [
        (None, [[1], [0], [2]], True),
        ("predicted", [[1], [0], [2]], True),
        (2, [[2], [2], [2]], True),
        ([0, 1, 2], [[0], [1], [2]], True),
        (torch.tensor([2, 1, 0]), [[2], [1], [0]], True),
        (torch.tensor([[2, 1], [1, 0], [0, 0]], dtype=torch.int32), [[2, 1], [1, 0], [0, 0]], False),
        ("top2", [[1, 2], [0, 1], [2, 1]], False),
        ("top1", [[1], [0], [2]], False),
    ],
)
def test_forms(target, classes, single):
    parsed = parse_target(target, IMAGES)
    assert parsed.choose(SCORES).tolist() == classes
    assert parsed.single is single and parsed.count == len(classes[0])


def test_a_class_that_is_called_as_the_best_are_is_asked_for_by_its_number():
    names = {0: "cat", 2: "top2", 1: "3"}
    assert top("top3", names) == 3 and top("cat", names) is top(2, names) is None
    assert parse_target("3", IMAGES, names).choose(SCORES).tolist() == [[1]] * 3
    with pytest.raises(ValueError, match=r"`target` must be the number of a class .* got 'top2'"):
        parse_target("top2", IMAGES, names)


def test_predicted_may_be_the_name_of_a_class():
    assert parse_target("predicted", IMAGES, {2: "predicted"}).choose(SCORES).tolist() == [[2]] * 3


def test_names_of_classes_for_every_image_are_text():
    with pytest.raises(ValueError, match=r"\(the same classes for every image: 'cat,dog'\)$"):
        parse_target(("cat", "dog"), IMAGES, {0: "cat", 1: "dog"})


def test_choose_takes_the_rows_of_a_part_of_the_batch():
    parsed = parse_target([0, 1, 2], IMAGES)
    assert parsed.choose(SCORES[1:], slice(1, 3)).tolist() == [[1], [2]]
    assert parsed.take(torch.tensor([2, 2, 0])).fixed.tolist() == [[2], [2], [0]]


@pytest.mark.parametrize(
    "target, count", [(2, 1), ([], 1), (torch.zeros(0, dtype=torch.int64), 1), (torch.zeros(0, 4).long(), 4)]
)
def test_no_images_may_have_any_form_of_target(target, count):
    parsed = parse_target(target, IMAGES[:0])
    assert parsed.fixed.shape == (0, count) and parsed.single is (count == 1)


@pytest.mark.parametrize(
    "target, error, message",
    [
        (3, ValueError, "`target` must be a class in \\[0, 3\\), got 3"),
        (-1, ValueError, "`target` must be a class number from 0, got -1"),
        ("top4", ValueError, "`target` must ask for at most 3 classes, got top4"),
        (
            "best",
            ValueError,
            "`target` must be 'top1', 'top2', … or numbers such as '0,20' where it is text, got 'best'",
        ),
        (
            [0, 1],
            ValueError,
            "`target` must be one class, or have shape \\(3,\\) or \\(3, T\\), got \\(2,\\) \\(the same "
            "classes for every image: '0,1'\\)$",
        ),
        ([], ValueError, "`target` must be one class, or have shape .*, got \\(0,\\)"),
        (1.5, TypeError, "`target` must hold whole numbers, got torch.float32"),
        (True, TypeError, "`target` must hold whole numbers, got torch.bool"),
        ({"a": 1}, TypeError, "`target` must be a class, one class for each image"),
    ],
)
def test_bad_targets(target, error, message):
    with pytest.raises(error, match=f"^{message}"):
        parse_target(target, IMAGES).check(3)
