"""Noisy copies against `randn` scaled and added in place."""

import torch

from benchmarks.ops import SIZES, Case, Work, label
from pyxai.ops import add_noise

# Normal_noise and a sum; the place of an element in its layout.
WORK = Work(floats=55, integers=36, quotients=2)


def cases(device):
    for images, per_image, shape in SIZES:
        rows = images * per_image
        pictures, scale = (
            torch.rand(images, *shape, device=device),
            torch.full((images,), 0.15, device=device),
        )
        ids, index, draws = (
            torch.arange(images, device=device),
            torch.arange(rows, device=device) // per_image,
            torch.arange(rows, device=device),
        )

        def eager(x=pictures, i=index, s=scale):
            copies = x if len(x) == 1 else x[i]
            return (
                torch.randn(len(i), *x.shape[1:], device=x.device).mul_(s[i].view(-1, 1, 1, 1)).add_(copies)
            )

        yield Case(
            f"add_noise, {label(images, per_image, shape)}",
            lambda x=pictures, i=index, n=ids, d=draws, s=scale: add_noise(x, i, n, d, s, 0),
            eager,
            4 * (rows + images) * shape[0] * shape[1] * shape[2],
        )
