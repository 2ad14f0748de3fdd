"""Sums of rows against a matrix product (one image) and `index_add_` of weighted rows (several)."""

import torch

from benchmarks.ops import SIZES, Case, Work, label
from pyxai.ops import path_accumulate_

WORK = Work(floats=2, integers=12)


def cases(device):
    for images, per_image, shape in SIZES:
        rows = images * per_image
        total, gradients = (
            torch.zeros(images, *shape, device=device),
            torch.randn(rows, *shape, device=device),
        )
        index, weight = torch.arange(rows, device=device) // per_image, torch.rand(rows, device=device)

        def eager(t=total, g=gradients, i=index, w=weight):
            if len(t) == 1:
                return t.view(1, -1).addmm_(w[None], g.flatten(1))
            return t.index_add_(0, i, g * w.view(-1, 1, 1, 1))

        yield Case(
            f"path_accumulate_, {label(images, per_image, shape)}",
            lambda t=total, g=gradients, i=index, w=weight: path_accumulate_(t, g, i, w),
            eager,
            4 * (rows + 2 * images) * shape[0] * shape[1] * shape[2],
        )
