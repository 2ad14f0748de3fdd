"""Counter-based uniform noise against torch's, which gives other numbers for other shapes and threads."""

import torch

from benchmarks.ops import Work, noise_cases
from pyxai.ops import uniform_noise

# A quarter of ten rounds of Philox.
WORK = Work(floats=2, integers=22)


def cases(device):
    yield from noise_cases("uniform_noise", uniform_noise, torch.rand, device)
