"""Counter-based noise against torch's generators, which give other numbers for other shapes and threads."""

import torch

from benchmarks.ops import SIZES, Case, label
from pyxai.ops import normal_noise, uniform_noise


def cases(device):
    for images, per_image, shape in SIZES:
        rows = images * per_image
        ids, draws = (
            torch.arange(rows, device=device) // per_image,
            torch.arange(rows, device=device) % per_image,
        )
        for name, native, eager in (
            ("normal_noise", normal_noise, torch.randn),
            ("uniform_noise", uniform_noise, torch.rand),
        ):
            yield Case(
                f"{name}, {label(images, per_image, shape)}",
                lambda f=native, i=ids, d=draws, s=shape: f(i, d, 0, s),
                lambda f=eager, r=rows, s=shape: f(r, *s, device=device),
                4 * rows * shape[0] * shape[1] * shape[2],
            )
