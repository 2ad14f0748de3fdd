"""Obfuscated images and the mask's gradient, beside torch's chain around pytorch-wavelets and its gradient.

Both directions together, because torch keeps the noise for the way back, which makes it again here: every
coefficient of every row takes the same normal number twice. By the cases of `normal_noise` that is half of
the time; most of the rest are the transforms. Neither is bound by memory.
"""

import torch

from benchmarks.ops import Case, Work
from benchmarks.ops.dwt import LEVELS, SIDE
from benchmarks.ops.obfuscate import described, scenes
from pyxai.ops import obfuscate_adjoint_

# The same with dwt.
WORK = Work(floats=90, integers=280, quotients=13)


def cases(device):
    for scene in scenes(device):
        grad = torch.randn(scene.rows, 3, SIDE, SIDE, device=device)

        def native(scene=scene, grad=grad):
            total = torch.zeros_like(scene.mask)
            obfuscate_adjoint_(total, grad, scene.native(), *scene.given, LEVELS, "normal", 0)
            return total

        def eager(scene=scene, grad=grad):
            leaf = scene.mask.detach().requires_grad_()
            return torch.autograd.grad(scene.eager(leaf), leaf, grad)

        yield Case(f"obfuscate and back, {described(scene)}", native, eager, 2 * scene.bytes)
