"""Factors of a layer's values: where groups of channels are active together."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor

from pyxai.checks import expect, whole
from pyxai.modules import need

SWEEPS = 1000
"""Of the coordinate descent, at most."""


def factorize(maps: Tensor, groups: int) -> tuple[Tensor, Tensor]:
    """Non-negative factors of a layer's values, A ≈ Σ_g s_g ⊗ c_g, image by image.

    Negative values count as 0. Factors start from the singular vectors (NNDSVDa) and are found by coordinate
    descent in at most 1000 sweeps, so that the same values have the same factors. Each c_g has the norm 1,
    and s_g the size.

    Args:
        maps: (N, K, h, w).
        groups: G, at most the number of channels K and of places.

    Returns:
        The maps s, (N, G, h, w), and the channels c, (N, G, K), both like ``maps``; 0 of an image without a
        positive value.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    NMF = need("sklearn.decomposition", "a factorization", "pyxai-torch[surrogates]").NMF
    count, channels, *size = maps.shape
    whole("groups", groups, 1)
    most = min(channels, maps[0, 0].numel())
    wanted = f"be at most {most}, the number of channels or of places of the layer"
    expect(groups <= most, "groups", wanted, groups)
    spatial, channel = np.zeros((count, groups, maps[0, 0].numel())), np.zeros((count, groups, channels))
    for row, values in enumerate(maps.detach().double().cpu().clamp(min=0).flatten(2).numpy()):
        if not values.any():
            warnings.warn(f"no value of the layer is positive for row {row}: it has no factors", stacklevel=4)
            continue
        model = NMF(groups, init="nndsvda", random_state=0, max_iter=SWEEPS)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # more sweeps would change little
            found = model.fit_transform(values.T)
        norms = np.linalg.norm(model.components_, axis=1, keepdims=True)
        spatial[row], channel[row] = norms * found.T, model.components_ / np.where(norms > 0, norms, 1)
    return torch.from_numpy(spatial).to(maps).unflatten(2, tuple(size)), torch.from_numpy(channel).to(maps)
