"""Means on a line, against a loop over its points."""

import pytest

from pyxai.capture.classifier import Classifier
from pyxai.capture.executor import Executor
from pyxai.capture.program import capture
from pyxai.methods.path.line import FIRST_STEPS, REFINEMENT, GradientPath
from pyxai.methods.path.quadrature import quadrature
from pyxai.methods.targets import parse_target
from tests import unfriendly
from tests.methods import oracle

TARGET = [[0, 3], [2, 1]]


@pytest.fixture
def line():
    model, images = unfriendly.build("Smooth"), unfriendly.images(3)
    images, start = images[:2], images[2:]
    executor = Executor(capture(Classifier(model), images), 4)
    return model, images, start, GradientPath(executor, images, start, parse_target(TARGET, images))


def expected(model, images, start, row, column, node, weight):
    """The difference of the ends times the mean gradient at points between them."""
    difference = images[row] - start[0]
    points = [start[0] + a * difference for a in node]
    return difference * sum(
        w * oracle.gradient(model, point, TARGET[row][column])
        for w, point in zip(weight, points, strict=True)
    )


def test_fixed_steps(line):
    model, images, start, path = line
    rule = quadrature("gauss_legendre", 5)
    maps, spent = path.fixed(*rule)
    assert spent.tolist() == [5, 5] and len(maps) == 2
    for column, found in enumerate(maps):
        for row in range(2):
            wanted = expected(model, images, start, row, column, *rule)
            assert oracle.relative_l1(found[row], wanted) <= 1e-12


def test_refinement_is_the_midpoint_rule_of_what_was_spent(line):
    model, images, start, path = line
    maps, spent, errors = path.refine(0.05)
    assert errors.shape == (2, 2)
    for row, steps in enumerate(spent.tolist()):
        assert steps in [FIRST_STEPS * REFINEMENT**k for k in (1, 2, 3, 4)]
        wanted = expected(model, images, start, row, 1, *quadrature("midpoint", steps))
        assert oracle.relative_l1(maps[1][row], wanted) <= 1e-12
