"""Eigen-CAM against a singular value decomposition."""

import numpy as np

import pyxai
from tests.methods.feature_map.networks import IMAGES, RAW, dense, inside
from tests.methods.feature_map.test_leading import oracle


def test_formula():
    values, _ = inside(dense(), IMAGES, 1)
    found = pyxai.explain(dense(), IMAGES, "eigen_cam", 1, **RAW).attribution[:, 0]
    for one, value in zip(found, values, strict=True):
        assert np.allclose(one, oracle(value.numpy()), rtol=1e-8, atol=1e-10)
