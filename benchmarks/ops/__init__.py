"""One file per operator, with the cases it is measured in. `bench_ops` finds them by their name."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Case:
    """An operator beside the best chain of torch calls for the same job."""

    what: str
    native: Callable[[], object]
    eager: Callable[[], object]
    bytes: int  # read once and written once, by an ideal implementation


@dataclass(frozen=True)
class Work:
    """What a GPU must do for an element of an operator's largest tensor, in float32, counted in its source.

    It stands in docs/kernels.md beside the bytes that are moved, for the operator's first sample.

    Attributes:
        floats: float instructions, none fused: 1 for a sum, product, comparison, choice or conversion, 8
            for a quotient or a root.
        integers: integer instructions of 32 bits: 4 for the loop, 2 for each address, and what else there is.
        quotients: quotients and remainders of 64-bit integers, of which each takes about 80 of those.
    """

    floats: float
    integers: float
    quotients: float = 0


# (images, rows per image, element shape): one large image, several, and many small ones.
SIZES = ((1, 16, (3, 224, 224)), (8, 2, (3, 224, 224)), (4, 64, (3, 32, 32)))


def label(images: int, rows: int, shape: tuple[int, ...]) -> str:
    return f"{images * rows} rows of {images} image{'s' * (images > 1)}, {'×'.join(map(str, shape))}"


# Layers of a ResNet-18 on eight images: beyond the caches, in the last one, and in the first ones.
LAYERS = ((8, 64, 112, 112), (8, 64, 56, 56), (8, 512, 7, 7))

# Layers that feature maps are made of: the last one for one image, those of a ResNet-50 on eight.
FEATURES = ((1, 512, 7, 7), (8, 2048, 7, 7), (8, 512, 28, 28), (8, 256, 56, 56))


def layer(shape: tuple[int, ...], device: str) -> Tensor:
    """Values such as a convolution gives them, channels last."""
    return torch.randn(shape, device=device).contiguous(memory_format=torch.channels_last)


# (planes, their side): in the caches, beyond them, and one large one.
PLANES = ((64, 64), (64, 224), (1, 1024))


def noise_cases(
    name: str, native: Callable[..., Tensor], eager: Callable[..., Tensor], device: str
) -> Iterator[Case]:
    """An operator that makes noise beside a generator of torch."""
    for images, per_image, shape in SIZES:
        rows = images * per_image
        row = torch.arange(rows, device=device)
        ids, draws = row // per_image, row % per_image
        yield Case(
            f"{name}, {label(images, per_image, shape)}",
            lambda i=ids, d=draws, s=shape: native(i, d, 0, s),
            lambda r=rows, s=shape: eager(r, *s, device=device),
            4 * rows * shape[0] * shape[1] * shape[2],
        )
