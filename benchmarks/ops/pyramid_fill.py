"""Images filled up from a pyramid, against torch's gather of the chosen level."""

import torch

from benchmarks.ops import Case, Work
from pyxai.ops import pyramid_fill

# Per value of the largest tensor, the pyramid, of which a sixth is read.
WORK = Work(floats=2, integers=6, quotients=0.4)

SIZES = ((16, 224), (2, 224), (64, 32))


def filling(images, side, device):
    """Images, masks and pyramids of six levels."""
    shapes = ((images, 3, side, side), (images, side, side), (images, 6, 3, side, side))
    return [torch.rand(shape, device=device) for shape in shapes]


def cases(device):
    for images, side in SIZES:
        picture, mask, pyramid = filling(images, side, device)
        yield Case(
            f"pyramid_fill, {images} images of 3×{side}²",
            lambda x=picture, m=mask, b=pyramid: pyramid_fill(x, m, b, False),
            lambda x=picture, m=mask, b=pyramid: eager_fill(x, m, b),
            4 * images * side**2 * (3 + 1 + 3 + 3),
        )


def eager_fill(images, mask, pyramid):
    background = chosen_level(mask, pyramid)
    return torch.lerp(background, images, mask[:, None])


def chosen_level(mask, pyramid):
    level = (mask * pyramid.shape[1]).long().clamp_(max=pyramid.shape[1] - 1)
    index = level[:, None, None].expand(-1, 1, *pyramid.shape[2:])
    return pyramid.gather(1, index)[:, 0]
