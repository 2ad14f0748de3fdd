"""Counter-based normal noise against torch's, which gives other numbers for other shapes and threads."""

import torch

from benchmarks.ops import Work, noise_cases
from pyxai.ops import normal_noise

# A quarter of ten rounds of Philox, and the inverse distribution function.
WORK = Work(floats=53, integers=27)


def cases(device):
    yield from noise_cases("normal_noise", normal_noise, torch.randn, device)
