"""The strongest pattern that the channels of a layer have in common."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.ops import leading_eigenvector


def leading_projection(values: Tensor) -> Tensor:
    """Projection of each place's channels on the direction in which the places of an image differ most.

    It is σ₁ u₁ of the matrix (places, channels) without the mean of each channel, by the eigenvector of the
    smaller of its two Gram matrices. Its sign is that in which it grows with the sum of the channels; where
    these have nothing in common, its largest value is positive. Where no place differs it is zero. Values may
    be of any size: the projection is that of the values divided by the largest, times that.

    Args:
        values: (r, C, …).

    Returns:
        (r, …).
    """
    largest = values.abs().flatten(1).amax(1).clamp(min=torch.finfo(values.dtype).tiny)
    scale = largest.reshape(-1, 1, 1)  # so that no square of the values overflows or vanishes
    matrix = values.flatten(2).transpose(1, 2) / scale
    matrix = matrix - matrix[:, :1]  # so that nothing is left of a constant channel, to the last bit
    matrix -= matrix.mean(1, keepdim=True)
    if matrix.shape[1] <= matrix.shape[2]:
        vectors, squares = leading_eigenvector(matrix @ matrix.transpose(1, 2))
        projection = vectors * squares[:, None].sqrt()
    else:
        vectors, _ = leading_eigenvector(matrix.transpose(1, 2) @ matrix)
        projection = (matrix @ vectors[..., None])[..., 0]
    common = (projection * matrix.sum(2)).sum(1, keepdim=True)
    peak = projection.gather(1, projection.abs().argmax(1, keepdim=True))
    sign = common.where(common != 0, peak).sign()
    return (sign * projection * scale[:, 0]).unflatten(1, values.shape[2:])
