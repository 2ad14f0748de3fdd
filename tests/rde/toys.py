"""What the tests of rate-distortion explanations share: a model that looks at one half, and pictures."""

import torch
from torch import nn

SHAPE = (3, 20, 26)
ENDS = torch.tensor([0.0, -1.0, 2.0]).double(), torch.tensor([1.0, 3.0, 0.0]).double()


def pictures(count=3):
    return torch.rand(count, *SHAPE, dtype=torch.float64)


class Left(nn.Module):
    """Looks at the left half only."""

    def forward(self, x):
        inside = 20 * (x[..., : x.shape[-1] // 2].mean((1, 2, 3)) - 0.4)
        return torch.stack([inside, -inside], 1)
