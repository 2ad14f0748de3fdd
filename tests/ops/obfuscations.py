"""An obfuscation of two images, and the single steps of torch that it is made of."""

import pywt
import torch

from pyxai.ops import dwt, idwt, normal_noise, uniform_noise, wavelet_layout

LEVELS, SIZE, SEED = 2, (21, 26), 5
DB3 = pywt.Wavelet("db3")
LAYOUT = wavelet_layout(*SIZE, LEVELS, 6)


def arguments(dtype=torch.float64):
    """Two images, five rows in no order."""
    images = torch.rand(2, 3, *SIZE, dtype=dtype)
    return {
        "coefficients": dwt(images, torch.tensor([DB3.dec_lo, DB3.dec_hi], dtype=dtype), LEVELS),
        "mask": torch.rand(2, LAYOUT.size, dtype=dtype),
        "centre": torch.rand(2, LEVELS + 1, dtype=dtype),
        "spread": torch.rand(2, LEVELS + 1, dtype=dtype),
        "index": torch.tensor([1, 0, 1, 1, 0]),
        "ids": torch.tensor([11, 2**40]),
        "draws": torch.tensor([4, 4, 5, 6, 2**32 - 1]),
        "filters": torch.tensor([DB3.rec_lo, DB3.rec_hi], dtype=dtype),
        "black": torch.tensor([0.0, -1.0, 2.0], dtype=dtype),
        "white": torch.tensor([1.0, 3.0, 0.0], dtype=dtype),  # the last channel is the other way round
        "levels": LEVELS,
        "height": SIZE[0],
        "width": SIZE[1],
        "noise": "normal",
        "seed": SEED,
    }


def unfused(a, mask):
    """The same in single steps of torch, with a tensor of noise."""
    index, shape = a["index"], a["coefficients"].shape[1:]
    if a["noise"] == "normal":
        noise = normal_noise(a["ids"][index], a["draws"], a["seed"], shape, torch.float64)
    else:
        noise = 2 * uniform_noise(a["ids"][index], a["draws"], a["seed"], shape, torch.float64) - 1
    part = torch.cat([torch.full((size,), p) for p, size in enumerate(LAYOUT.parts)])
    other = a["centre"][:, part][index][:, None] + a["spread"][:, part][index][:, None] * noise
    keep = mask[index][:, None]
    planes = idwt(keep * a["coefficients"][index] + (1 - keep) * other, a["filters"], LEVELS, *SIZE)
    black, white = (a[end].view(-1, 1, 1) for end in ("black", "white"))
    return black + (white - black) * planes.clamp(0, 1)
