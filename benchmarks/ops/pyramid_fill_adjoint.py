"""Gradients of images filled up from a pyramid, against torch's gather of the chosen level."""

import torch

from benchmarks.ops import Case, Work
from benchmarks.ops.pyramid_fill import SIZES, chosen_level, filling
from pyxai.ops import pyramid_fill_adjoint

# Per value of the largest tensor, the pyramid, of which a sixth is read.
WORK = Work(floats=2, integers=8, quotients=0.4)


def cases(device):
    for images, side in SIZES:
        picture, mask, pyramid = filling(images, side, device)
        grad = torch.rand_like(picture)
        yield Case(
            f"pyramid_fill_adjoint, {images} images of 3×{side}²",
            lambda g=grad, x=picture, m=mask, b=pyramid: pyramid_fill_adjoint(g, x, m, b, False),
            lambda g=grad, x=picture, m=mask, b=pyramid: eager_adjoint(g, x, m, b),
            4 * images * side**2 * (3 + 3 + 1 + 3 + 3 + 1),
        )


def eager_adjoint(grad, images, mask, pyramid):
    change = images - chosen_level(mask, pyramid)
    return mask[:, None] * grad, (grad * change).sum(1)
