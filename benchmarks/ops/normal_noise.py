"""Counter-based normal noise against torch's, which gives other numbers for other shapes and threads."""

import torch

from benchmarks.ops import noise_cases
from pyxai.ops import normal_noise


def cases(device):
    yield from noise_cases("normal_noise", normal_noise, torch.randn, device)
