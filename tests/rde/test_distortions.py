"""Distortions against their formulas."""

import torch

from pyxai import rde

SCORES, IMAGE_SCORES = torch.randn(4, 6).double(), torch.randn(4, 6).double()
TARGET = torch.tensor([0, 3, 5, 2])


def test_distortions():
    """The formulas of CartoonX A.3.3 and A.4."""
    p, q = SCORES.softmax(1), IMAGE_SCORES.softmax(1)
    row = torch.arange(4)
    expected = {
        "label": (q[row, TARGET] - p[row, TARGET]) ** 2,
        "maximise_label": (1 - p[row, TARGET]) ** 2,
        "l2": ((q - p) ** 2).sum(1).sqrt(),
        "kl": (p * (p / q).log()).sum(1),
    }
    for name, distortion in rde.DISTORTIONS.items():
        assert torch.allclose(distortion(SCORES, IMAGE_SCORES, TARGET), expected[name]), name
        if distortion.least_at_image:
            assert (distortion(SCORES, SCORES, TARGET).abs() <= 1e-12).all()
    towards = rde.ProbabilityDistance(1e6, q[0])
    assert torch.allclose(towards(SCORES, IMAGE_SCORES, TARGET), 1e6 * ((q[0] - p) ** 2).sum(1).sqrt())
    assert not towards.least_at_image
