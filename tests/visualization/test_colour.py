"""The colours of natural pictures."""

import torch

from pyxai.visualization.colour import mixing_of


def test_colours_of_three_channels():
    found = mixing_of(3, torch.device("cpu"), torch.float64)
    expected = torch.tensor([[0.5628, 0.1948, 0.0433], [0.5845, 0, -0.1082], [0.5845, -0.1948, 0.0649]])
    torch.testing.assert_close(found, expected.double(), atol=6e-5, rtol=0)
    assert torch.linalg.matrix_rank(found) == 3


def test_other_channels_are_independent():
    assert torch.equal(mixing_of(2, torch.device("cpu"), torch.float16), torch.eye(2))
