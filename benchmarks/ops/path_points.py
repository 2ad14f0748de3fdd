"""Path points against `lerp`, which for one image broadcasts and for several needs a gathered copy."""

import torch

from benchmarks.ops import SIZES, Case, Work, label
from pyxai.ops import path_points

WORK = Work(floats=3, integers=10)


def cases(device):
    for images, per_image, shape in SIZES:
        rows = images * per_image
        end, start = torch.rand(images, *shape, device=device), torch.zeros(1, *shape, device=device)
        index, alpha = torch.arange(rows, device=device) // per_image, torch.rand(rows, device=device)
        weight = alpha.view(-1, 1, 1, 1)
        yield Case(
            f"path_points, {label(images, per_image, shape)}",
            lambda s=start, e=end, i=index, a=alpha: path_points(s, e, i, a),
            lambda s=start, e=end, i=index, w=weight: torch.lerp(s, e if len(e) == 1 else e[i], w),
            4 * (rows + images + 1) * shape[0] * shape[1] * shape[2],
        )
