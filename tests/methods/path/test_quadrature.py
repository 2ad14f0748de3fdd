"""Quadrature rules integrate what they must."""

from typing import get_args

import numpy as np
import pytest

from pyxai.methods.path.line import FIRST_STEPS, REFINEMENT
from pyxai.methods.path.quadrature import Rule, quadrature


@pytest.mark.parametrize("rule", get_args(Rule))
@pytest.mark.parametrize("steps", [2, 3, 7, 50])
def test_weights_sum_to_one_and_nodes_lie_on_the_path_in_order(rule, steps):
    node, weight = (part.numpy() for part in quadrature(rule, steps))
    assert node.shape == weight.shape == (steps,) and weight.dtype == np.float64
    assert abs(weight.sum() - 1) < 1e-14
    assert (np.diff(node) > 0).all() and node[0] >= 0 and node[-1] <= 1


@pytest.mark.parametrize(
    "rule, degree", [("midpoint", 1), ("trapezoid", 1), ("riemann_left", 0), ("gauss_legendre", 13)]
)
def test_degree_of_exactness(rule, degree):
    node, weight = (part.numpy() for part in quadrature(rule, 7))
    for power in range(degree + 1):
        assert abs((weight * node**power).sum() - 1 / (power + 1)) < 1e-14
    assert abs((weight * node ** (degree + 1)).sum() - 1 / (degree + 2)) > 1e-10


def test_left_and_right_mirror_each_other():
    left, right = quadrature("riemann_left", 5)[0], quadrature("riemann_right", 5)[0]
    assert np.allclose(left, 1 - right.numpy()[::-1])


def test_midpoint_refinements_are_nested():
    coarse, fine = (
        quadrature("midpoint", FIRST_STEPS)[0].numpy(),
        quadrature("midpoint", FIRST_STEPS * REFINEMENT)[0].numpy(),
    )
    assert np.allclose(coarse, fine[REFINEMENT // 2 :: REFINEMENT], atol=1e-15)
