"""What walks start from: classes, and units of layers that may take images apart."""

import torch

from pyxai.methods.propagation.explained import classes_of, units_in
from pyxai.methods.request import Request
from pyxai.methods.targets import Target

VALUE = torch.arange(24.0).reshape(4, 6)


def request(count, classes=None):
    target = Target(torch.tensor(classes) if classes else None, 1, False)
    return Request(torch.zeros(count, 3, 4, 4), target, torch.arange(count))


def test_classes_and_their_scores():
    found = classes_of(VALUE, request(2, [[1, 5], [0, 3]]))
    assert found.classes.tolist() == [[1, 5], [0, 3]] and found.scores(VALUE).tolist() == [[1, 5], [6, 9]]
    assert [start.sum().item() for start in found.starts] == [2, 2]
    infinite = VALUE.masked_fill(VALUE == 2, float("inf"))
    assert found.scores(infinite).tolist() == [[1, 5], [6, 9]]
    assert found.scores(VALUE[:1]).tolist() == [[1, 5], [0, 3]]  # one row for all


def test_units_count_by_their_sum():
    found = units_in(VALUE, request(3), (slice(1, 3),), 1)
    assert found.classes.tolist() == [[-1]] * 3 and found.scores(VALUE).tolist() == [[3], [15], [27]]


def test_units_of_a_layer_that_takes_images_apart():
    found = units_in(VALUE, request(1), (1, 2), entries=2)
    assert found.starts[0].nonzero().tolist() == [[1, 2], [3, 2]] and found.scores(VALUE).tolist() == [[8]]
