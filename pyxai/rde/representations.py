"""How an image is written as coefficients that a mask selects from."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai import ops
from pyxai.checks import expect, one_of, whole


class Representation:
    """A representation x = f(h): images (N, C, H, W) in [0, 1] from coefficients (N, c, K).

    A mask has K entries and takes the c numbers of each together. To write one, give :meth:`coefficients`
    and :meth:`images`; f need not be linear, but torch must be able to differentiate it.
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

    def check(self, shape: tuple[int, int, int], method: str) -> None:
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
        wavelet: a discrete wavelet of PyWavelets, which must be installed.
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
        pywt = _pywavelets()
        known = pywt.wavelist(kind="discrete")
        close = difflib.get_close_matches(str(self.wavelet), known, 1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        wanted = "be a discrete wavelet of PyWavelets"
        expect(self.wavelet in known, "", "wavelet", wanted, f"{self.wavelet!r}{hint}")

    def coefficients(self, images: Tensor) -> Tensor:
        return ops.dwt(images, self._filters("dec", images), self.levels, self.padding)

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        return ops.idwt(coefficients, self._filters("rec", coefficients), self.levels, *shape[1:])

    def parts(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        return self.layout(shape).parts

    def layout(self, shape: tuple[int, int, int]) -> ops.WaveletLayout:
        """Where the coefficients of images of this shape lie."""
        return ops.wavelet_layout(*shape[1:], self.levels, self._taps())

    def check(self, shape: tuple[int, int, int], method: str) -> None:
        side, reach = min(shape[1:]), self._taps() - 1
        size = f"{shape[1]}×{shape[2]}"
        wanted = f"have at least {2 * reach} pixels a side for the wavelet {self.wavelet!r}"
        expect(side >= 2 * reach, method, "images", wanted, size)
        deepest = int(math.log2(side / reach))  # beyond, every coefficient would reach over the border
        wanted = f"be at most {deepest} for {size} images and the wavelet {self.wavelet!r}"
        expect(self.levels <= deepest, method, "levels", wanted, self.levels)

    def synthesis(self, like: Tensor) -> tuple[Tensor, int]:
        return self._filters("rec", like), self.levels

    def _taps(self) -> int:
        return _pywavelets().Wavelet(self.wavelet).dec_len

    def _filters(self, way: str, like: Tensor) -> Tensor:
        wavelet = _pywavelets().Wavelet(self.wavelet)
        pair = getattr(wavelet, f"{way}_lo"), getattr(wavelet, f"{way}_hi")
        return torch.tensor(pair, dtype=torch.float64, device=like.device)


@dataclass(frozen=True)
class Fourier(Representation):
    """The unitary Fourier transform of each channel; real and imaginary part of a frequency share the mask.

    The mean of the image is a part of its own.
    """

    def coefficients(self, images: Tensor) -> Tensor:
        spectrum = torch.view_as_real(torch.fft.rfft2(images, norm="ortho"))
        return spectrum.flatten(2, 3).movedim(-1, 2).flatten(1, 2)

    def images(self, coefficients: Tensor, shape: tuple[int, int, int]) -> Tensor:
        channels, height, width = shape
        parts = coefficients.unflatten(1, (channels, 2)).unflatten(-1, (height, width // 2 + 1))
        spectrum = torch.complex(*parts.unbind(2))
        return torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")

    def parts(self, shape: tuple[int, int, int]) -> tuple[int, ...]:
        return 1, shape[1] * (shape[2] // 2 + 1) - 1


def _pywavelets():
    try:
        import pywt
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "wavelets come from PyWavelets: pip install 'pyxai-torch[wavelets]'"
        ) from None
    return pywt
