"""Leading eigenvectors against torch's whole decomposition, for matrices as Eigen-CAM has them.

Of as many places or channels as a layer has fewer, with a pattern in noise; and noise alone, where the two
greatest eigenvalues are close and most steps are needed.
"""

import torch

from benchmarks.ops import FEATURES, Case, Work
from pyxai.ops import leading_eigenvector

# Of an element, for the twelve steps that a layer of 49 places takes.
WORK = Work(floats=24, integers=120)


def gram(shape, pattern, device):
    """The smaller Gram matrix of layers of noise that have a pattern in common, which ``pattern`` scales."""
    images, channels, height, width = shape
    places = height * width
    common = torch.randn(images, channels, 1, device=device) * torch.randn(images, 1, places, device=device)
    values = (torch.randn(images, channels, places, device=device) + pattern * common).relu()
    values -= values.mean(2, keepdim=True)
    other = values.transpose(1, 2)
    return values @ other if channels < places else other @ values


def cases(device):
    for shape in FEATURES:
        for what, pattern in (("a pattern", 1.0), ("noise", 0.0)):
            matrices = gram(shape, pattern, device)
            yield Case(
                f"leading_eigenvector, {shape[0]} of {matrices.shape[1]}², {what}",
                lambda m=matrices: leading_eigenvector(m),
                lambda m=matrices: torch.linalg.eigh(m)[1][..., -1],
                matrices.nbytes,
            )
