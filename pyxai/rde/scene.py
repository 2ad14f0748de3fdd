"""Images with their coefficients: obfuscated by a mask, and the mask's gradient of what became of them."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai import ops
from pyxai.rde.obfuscations import Draw, Obfuscation, PartNoise
from pyxai.rde.representations import Representation


class Scene:
    """Images (N, C, H, W) in [0, 1], ready to be obfuscated.

    Args:
        black, white: (C,), what 0 and 1 stand for in the units of the results.

    :meth:`obfuscated` and :meth:`pull_` are called in turns, with the same rows.
    """

    def __init__(
        self,
        representation: Representation,
        obfuscation: Obfuscation,
        images: Tensor,
        ids: Tensor,
        seed: int,
        black: Tensor,
        white: Tensor,
    ):
        self.representation, self.obfuscation = representation, obfuscation
        self.images, self.ids, self.seed = images, ids, seed
        self.black, self.white = black, white
        self.coefficients = representation.coefficients(images)
        self.parts = representation.parts(tuple(images.shape[1:])) or (self.coefficients.shape[-1],)
        self.prepared = obfuscation.prepare(images, self.coefficients, representation)

    @property
    def size(self) -> int:
        """K, entries of a mask."""
        return self.coefficients.shape[-1]

    def obfuscated(self, mask: Tensor, index: Tensor, draws: Tensor) -> Tensor:
        """Rows (R, C, H, W) in the model's units: image ``index[r]`` under its ``mask`` (N, K) and a draw."""
        raise NotImplementedError

    def pull_(self, total: Tensor, grad: Tensor, rows: Tensor, index: Tensor, draws: Tensor) -> None:
        """Add the mask's gradient to ``total`` (N, K), of the gradient ``grad`` of those ``rows``."""
        raise NotImplementedError


class FusedScene(Scene):
    """Where the representation is a wavelet transform or none and the obfuscation is noise by parts."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._filters, self._levels = self.representation.synthesis(self.coefficients)

    def _given(self, index: Tensor, draws: Tensor) -> tuple[Tensor, ...]:
        return *self.prepared, index, self.ids, draws, self._filters, self.black, self.white

    def obfuscated(self, mask: Tensor, index: Tensor, draws: Tensor) -> Tensor:
        return ops.obfuscate(
            self.coefficients,
            mask,
            *self._given(index, draws),
            self._levels,
            *self.images.shape[2:],
            self.obfuscation.noise,
            self.seed,
        )

    def pull_(self, total: Tensor, grad: Tensor, rows: Tensor, index: Tensor, draws: Tensor) -> None:
        ops.obfuscate_adjoint_(
            total,
            grad,
            rows,
            self.coefficients,
            *self._given(index, draws),
            self._levels,
            self.obfuscation.noise,
            self.seed,
        )


class ComposedScene(Scene):
    """Any representation and obfuscation, differentiated by torch."""

    def obfuscated(self, mask: Tensor, index: Tensor, draws: Tensor) -> Tensor:
        with torch.enable_grad():
            self._mask = mask[index].detach().requires_grad_()
            keep = self._mask[:, None]
            other = self.obfuscation.replacements(
                Draw(
                    self.images,
                    self.coefficients,
                    self.parts,
                    self._mask,
                    index,
                    self.ids,
                    draws,
                    self.seed,
                    self.representation,
                    self.prepared,
                )
            )
            mixed = keep * self.coefficients[index] + (1 - keep) * other
            unit = self.representation.images(mixed, tuple(self.images.shape[1:])).clamp(0, 1)
            black, white = self.black[:, None, None], self.white[:, None, None]
            self._rows = black + (white - black) * unit
        return self._rows.detach()

    def pull_(self, total: Tensor, grad: Tensor, rows: Tensor, index: Tensor, draws: Tensor) -> None:
        (pulled,) = torch.autograd.grad(self._rows, self._mask, grad)
        del self._rows, self._mask
        ops.path_accumulate_(total, pulled, index, torch.ones_like(index, dtype=total.dtype))


def scene(representation: Representation, obfuscation: Obfuscation, images: Tensor, *rest) -> Scene:
    """The fastest scene there is; arguments as for :class:`Scene`."""
    fused = representation.synthesis(images) is not None and isinstance(obfuscation, PartNoise)
    return (FusedScene if fused else ComposedScene)(representation, obfuscation, images, *rest)
