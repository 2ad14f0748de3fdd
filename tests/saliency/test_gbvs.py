"""Graph-based visual saliency: the closed forms against the Markov chains they solve."""

import numpy as np
import pytest
import torch

from pyxai import saliency
from pyxai.saliency.gbvs import activation_law, normalisation_law
from tests.saliency.pictures import photographs, tensor


def closeness(height, width, share):
    y, x = np.divmod(np.arange(height * width), width)
    squares = (y - y[:, None]) ** 2 + (x - x[:, None]) ** 2
    return np.exp(-squares / (2 * (share * (height + width) / 2) ** 2))


def stationary(weights):
    """The left eigenvector of the walk's transition matrix with eigenvalue 1."""
    transition = weights / weights.sum(1, keepdims=True)
    system = np.vstack([transition.T - np.eye(len(weights)), np.ones(len(weights))])
    return np.linalg.lstsq(system, np.append(np.zeros(len(weights)), 1.0), rcond=None)[0]


@pytest.mark.parametrize("size", [(9, 12), (1, 20), (14, 14)])
def test_closed_forms_are_the_stationary_laws(size):
    maps = torch.rand(3, *size, dtype=torch.float64)
    activation = activation_law(maps)
    final = normalisation_law(activation)
    for plane, first, second in zip(maps.flatten(1).numpy(), activation, final, strict=True):
        walk = stationary(np.abs(plane - plane[:, None]) * closeness(*size, 0.15))
        np.testing.assert_allclose(first.flatten(), walk, atol=1e-10)
        walk = stationary(walk[None] * closeness(*size, 0.06))
        np.testing.assert_allclose(second.flatten(), walk, atol=1e-10)


def test_a_flat_map_has_the_uniform_law():
    flat = torch.ones(1, 4, 5)
    torch.testing.assert_close(activation_law(flat), flat / 20)


def test_a_spot_is_found():
    images = torch.full((1, 3, 256, 256), 0.4)
    images[0, 0, 60:90, 170:200] = 0.9
    row, column = divmod(int(saliency.gbvs(images).argmax()), 256)
    assert abs(row - 75) < 20 and abs(column - 185) < 20


def test_size_is_that_of_the_graph():
    images = tensor(photographs()[:1])
    assert not torch.allclose(saliency.gbvs(images), saliency.gbvs(images, size=16), atol=1e-2)
    with pytest.raises(ValueError, match=r"^gbvs: `size` must be a whole number of at least 2, got 1"):
        saliency.gbvs(images, size=1)
