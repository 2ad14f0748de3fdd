"""Running moments against sums and sums of squares, which cost less care and lose digits."""

import torch

from benchmarks.ops import SIZES, Case, Work, label
from pyxai.ops import update_moments_

WORK = Work(floats=14, integers=12)


def cases(device):
    for images, per_image, shape in SIZES:
        rows = images * per_image
        maps, index = torch.randn(rows, *shape, device=device), torch.arange(rows, device=device) // per_image
        mean, m2 = torch.zeros(images, *shape, device=device), torch.zeros(images, *shape, device=device)
        count = torch.zeros(images, dtype=torch.int64, device=device)

        def eager(mean=mean, m2=m2, count=count, maps=maps, index=index):
            mean.index_add_(0, index, maps)
            m2.index_add_(0, index, maps.square())
            count.index_add_(0, index, torch.ones_like(index))

        yield Case(
            f"update_moments_, {label(images, per_image, shape)}",
            lambda m=mean, s=m2, c=count, r=maps, i=index: update_moments_(m, s, c, r, i),
            eager,
            4 * (rows + 4 * images) * shape[0] * shape[1] * shape[2],
        )
