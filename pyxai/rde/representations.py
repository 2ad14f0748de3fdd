"""How an image is written as coefficients that a mask selects from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pywt
import torch
from torch import Tensor

from pyxai import ops
from pyxai.checks import expect, near, one_of, whole


class Representation:
    """A representation x = f(h): images (N, C, H, W) in [0, 1] from coefficients (N, c, K).

    A mask has K entries and takes the c numbers of each together. To write one, give :meth:`coefficients`
    and :meth:`images`; f need not be linear, but torch must be able to differentiate it. Both are asked
    for one channel too where a picture is wanted in grey, and K must not depend on their number then.
    """

    def coefficients(self, images: Tensor) -> Tensor:
        """h of ``images`` (N, C, H, W): (N, c, K)."""
        raise NotImplementedError

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        """f of ``coefficients`` (R, c, K): (R, *shape), not yet clamped."""
        raise NotImplementedError

    def parts(self, shape: tuple[int, int, int]) -> tuple[int, ...] | None:
        """Sizes of the sets of neighbouring coefficients that share the statistics of noise; None for one."""
        return None

    def numbers(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Sequence[Tensor]:
        """Of an image's coefficients (c, K), those each part's statistics are taken of, in any shape."""
        return coefficients.split(self.parts(shape) or coefficients.shape[-1], -1)

    def check(self, shape: tuple[int, int, int]) -> None:
        """Raise a :class:`ValueError` where images of this shape cannot be represented."""

    def synthesis(self, like: Tensor) -> tuple[Tensor, int] | None:
        """Filters (2, F) and levels where f is :func:`pyxai.ops.idwt`, so that it can run fused."""
        return None


@dataclass(frozen=True)
class Pixels(Representation):
    """The image itself; the mask is shared by its channels (Pixel RDE)."""

    def coefficients(self, images: Tensor) -> Tensor:
        return images.flatten(2)

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return coefficients.reshape(-1, *shape)

    def synthesis(self, like: Tensor) -> tuple[Tensor, int]:
        return like.new_zeros(2, 2), 0


@dataclass(frozen=True)
class Wavelets(Representation):
    """The discrete wavelet transform of each channel, one part for the low plane and one for each level.

    Args:
        wavelet: a discrete wavelet of PyWavelets.
        levels: J, how often the low plane is transformed again.
        padding: how the image goes on beyond its border, one of :data:`pyxai.ops.PADDINGS`.

    The coefficients lie as :func:`pyxai.ops.wavelet_layout` says.
    """

    wavelet: str = "db3"
    levels: int = 5
    padding: str = "zero"

    def __post_init__(self):
        whole("levels", self.levels, 1)
        one_of("padding", self.padding, ops.PADDINGS)
        known = pywt.wavelist(kind="discrete")
        wanted = "be a discrete wavelet of PyWavelets"
        expect(self.wavelet in known, "wavelet", wanted, f"{self.wavelet!r}{near(str(self.wavelet), known)}")

    def coefficients(self, images: Tensor) -> Tensor:
        return ops.dwt(images, self._filters("dec", images), self.levels, self.padding)

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return ops.idwt(coefficients, self._filters("rec", coefficients), self.levels, *shape[1:])

    def parts(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        return self.layout(shape).parts

    def layout(self, shape: tuple[int, int, int]) -> ops.WaveletLayout:
        """Where the coefficients of images of this shape lie."""
        return ops.wavelet_layout(*shape[1:], self.levels, self._taps())

    def check(self, shape: tuple[int, int, int]) -> None:
        side, reach = min(shape[1:]), self._taps() - 1
        size = f"{shape[1]}×{shape[2]}"
        wanted = f"have at least {2 * reach} pixels a side for the wavelet {self.wavelet!r}"
        expect(side >= 2 * reach, "images", wanted, size)
        deepest = int(math.log2(side / reach))  # beyond, every coefficient would reach over the border
        wanted = f"be at most {deepest} for {size} images and the wavelet {self.wavelet!r}"
        expect(self.levels <= deepest, "levels", wanted, self.levels)

    def synthesis(self, like: Tensor) -> tuple[Tensor, int]:
        return self._filters("rec", like), self.levels

    def _taps(self) -> int:
        return pywt.Wavelet(self.wavelet).dec_len

    def _filters(self, way: str, like: Tensor) -> Tensor:
        wavelet = pywt.Wavelet(self.wavelet)
        pair = getattr(wavelet, f"{way}_lo"), getattr(wavelet, f"{way}_hi")
        return torch.tensor(pair, dtype=torch.float64, device=like.device)


@dataclass(frozen=True)
class Fourier(Representation):
    """The unitary Fourier transform of each channel; real and imaginary part of a frequency share the mask.

    Only one of two conjugate frequencies is a coefficient, so all coefficients are those of an image. The
    mean comes first and is a part of its own. Where a frequency is its own conjugate, as the mean is, the
    imaginary part is 0 and has no effect.
    """

    def coefficients(self, images: Tensor) -> Tensor:
        height, width = images.shape[2:]
        spectrum = torch.fft.fft2(images, norm="ortho").flatten(2)
        places = _places(height, width)[0].to(images.device)
        return torch.view_as_real(spectrum[..., places]).movedim(-1, 2).flatten(1, 2)

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        channels, height, width = shape
        places, alone = (table.to(coefficients.device) for table in _places(height, width))
        values = torch.complex(*coefficients.unflatten(1, (channels, 2)).unbind(2))
        spectrum = values.new_zeros(*values.shape[:2], height * width)
        spectrum[..., places] = torch.where(alone, values, 2 * values)  # the real part halves, as conjugates
        return torch.fft.ifft2(spectrum.unflatten(2, (height, width)), norm="ortho").real

    def parts(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        return 1, len(_places(*shape[1:])[0]) - 1

    def numbers(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Sequence[Tensor]:
        alone = _places(*shape[1:])[1].to(coefficients.device)
        counts = torch.ones_like(coefficients, dtype=torch.bool)
        counts[1::2, alone] = False
        parts = zip(*(x.split(self.parts(shape), -1) for x in (coefficients, counts)), strict=True)
        return [part[those] for part, those in parts]


@lru_cache(maxsize=8)
@torch.inference_mode(False)  # what is kept may have to serve autograd
def _places(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Places of Fourier coefficients in the plane of frequencies; whether each is its own conjugate.

    On the CPU, where their number is known without waiting for a device in every step.
    """
    row, column = torch.arange(height, device="cpu")[:, None], torch.arange(width, device="cpu")
    own_column = 2 * column % width == 0  # the conjugate's too
    first = (2 * column < width) & ~own_column | own_column & (2 * row <= height)
    alone = own_column & (2 * row % height == 0)
    places = first.flatten().nonzero()[:, 0]
    return places, alone.flatten()[places]
