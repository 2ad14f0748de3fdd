"""Passes of a bare model that no method of an inner layer can do without."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class _Reached(Exception):
    """The layer has been reached, and nothing behind it need run."""


def from_scores(model: nn.Module, images: Tensor, layer: str) -> Callable[[], Tensor]:
    """The model, differentiated by the values of the layer and nothing else."""
    model.requires_grad_(False)
    found: list[Tensor] = []

    def cut(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        found[:] = [output.detach().requires_grad_()]
        return found[0]

    def call() -> Tensor:
        handle = model.get_submodule(layer).register_forward_hook(cut)
        try:
            return torch.autograd.grad(model(images)[:, 0].sum(), found)[0]
        finally:
            handle.remove()

    return call


def from_units(
    model: nn.Module, images: Tensor, layer: str, unit: tuple[int, ...] = ()
) -> Callable[[], Tensor]:
    """The model as far as the layer, of which a unit, or all of it, is differentiated by the images."""
    model.requires_grad_(False)
    found: list[Tensor] = []

    def stop(module: nn.Module, inputs: object, output: Tensor) -> None:
        found[:] = [output]
        raise _Reached

    def call() -> Tensor:
        leaf = images.clone().requires_grad_()
        handle = model.get_submodule(layer).register_forward_hook(stop)
        try:
            model(leaf)
        except _Reached:
            pass
        finally:
            handle.remove()
        return torch.autograd.grad(found.pop()[(slice(None), *unit)].sum(), leaf)[0]

    return call
