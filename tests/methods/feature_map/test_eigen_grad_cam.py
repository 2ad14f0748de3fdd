"""Eigen-Grad-CAM against a singular value decomposition."""

import numpy as np

import pyxai
from tests.methods.feature_map.networks import IMAGES, RAW, dense, inside
from tests.methods.feature_map.test_leading import oracle


def test_formula():
    values, gradient = inside(dense(), IMAGES, 1)
    found = pyxai.explain(dense(), IMAGES, "eigen_grad_cam", 1, **RAW).attribution[:, 0]
    for one, value in zip(found, values * gradient, strict=True):
        expected = oracle(value.numpy())
        assert np.abs(one.numpy() - expected).max() <= 1e-8 * np.abs(expected).max()
