"""Wavelet coefficients, and the largest of them beside those CartoonX keeps (CartoonX, figures 3 and 4)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from examples.rde.common import heatmaps, opened, parser
from pyxai.rde import Wavelets


def mosaic(wavelets: Wavelets, row: Tensor, shape: tuple[int, int, int]) -> np.ndarray:
    """Magnitudes of one plane's coefficients: low plane in the corner, each level's details around it."""
    layout = wavelets.layout(shape)
    low, details = layout.split(row[None, None])
    picture = scaled(low[0, 0].abs())
    for level in details[::-1]:
        high, right, both = (scaled(plane.abs()) for plane in level[0, 0])
        size = high.shape
        corner = torch.zeros(size)
        rows, columns = (min(a, b) for a, b in zip(size, picture.shape, strict=True))
        corner[:rows, :columns] = picture[:rows, :columns]
        picture = torch.cat([torch.cat([corner, right], 1), torch.cat([high, both], 1)])
    return picture.numpy()


def scaled(plane: Tensor) -> Tensor:
    return (plane / plane.quantile(0.99).clamp(min=1e-9)).clamp(0, 1)


def main() -> None:
    made = parser(__doc__, 4)
    made.add_argument("--sparsity", type=float, default=20.0)
    arguments = made.parse_args()
    photographs = opened(arguments)
    wavelets = photographs.wavelets
    shape = tuple(photographs.images.shape[1:])
    grey = photographs.unit.mean(1, keepdim=True)
    rows = wavelets.coefficients(grey)
    found = photographs.explain("cartoonx", sparsity=arguments.sparsity)
    kept = found.extras["mask"].sum(1).round().long()
    compressed = []
    for row, count in zip(rows[:, 0], kept.tolist(), strict=True):
        largest = torch.zeros_like(row)
        place = row.abs().topk(count).indices
        largest[place] = row[place]
        compressed.append(wavelets.images(largest[None, None], shape)[0, 0].clamp(0, 1).numpy())
    maps = {
        "coefficients": [mosaic(wavelets, row, shape) for row in rows[:, 0]],
        "as many of the largest": compressed,
        "CartoonX": heatmaps(found),
    }
    photographs.show("compression", maps)


if __name__ == "__main__":
    main()
