"""Noisy copies of images, by their definition."""

import torch

from pyxai import ops


def draws(images, ids, samples, scale, seed):
    """Noisy copies (N, samples, C, H, W), by the definition."""
    spread = scale * (images.amax((1, 2, 3)) - images.amin((1, 2, 3)))
    number = torch.arange(samples)
    return torch.stack(
        [
            image
            + width
            * ops.normal_noise(torch.full_like(number, key), number, seed, tuple(image.shape), images.dtype)
            for image, key, width in zip(images, ids.tolist(), spread, strict=True)
        ]
    )
