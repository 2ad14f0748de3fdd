"""Random weights and statistics of which none is trivially zero or one."""

from __future__ import annotations

import math
from itertools import chain

import torch
from torch import Tensor, nn

from tests import zoo

LAYERS = (nn.modules.conv._ConvNd, nn.Linear)
BATCH_NORMS = nn.modules.batchnorm._BatchNorm
GAIN = 1.4  # of a layer's weights, so that signals neither die nor explode behind most activations
FEW = 0.05  # deviation below which a table, of positions say, hardly counts


def draw(model: nn.Module, size: int, seed: int = 0) -> None:
    """Draw what an untrained network leaves at zero, one or nearly so; statistics suit its signals.

    Layers' weights are normal. Of the rest, what has one value throughout is drawn: zeros that are biases or
    tables about zero, scales (the weights of norms, layer scales, residual gammas, temperatures) away from
    zero and one; and what is nearly zero, such as a table of positions, is made larger. The running
    statistics of BatchNorm are those of one batch, each moved by some tenths.

    Args:
        model: in evaluation mode.
        size: height and width of its images.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                layer = isinstance(module, LAYERS) and name == "weight"
                parameter.copy_(_layer(parameter, generator) if layer else _other(name, parameter, generator))
        norms = [module for module in model.modules() if isinstance(module, BATCH_NORMS)]
        _statistics(model, norms, size)
        for norm in norms:
            if norm.running_mean is not None:
                deviation = norm.running_var.sqrt()
                norm.running_mean.add_(0.3 * deviation * _normal(deviation, generator))
                norm.running_var.mul_(_between(0.6, 1.6, deviation, generator))


def dtype_of(model: nn.Module) -> torch.dtype:
    """The precision of the first parameter or buffer with one."""
    tensors = chain(model.parameters(), model.buffers())
    return next(value.dtype for value in tensors if value.is_floating_point())


def _layer(weight: Tensor, generator: torch.Generator) -> Tensor:
    return _normal(weight, generator) * GAIN / math.sqrt(max(1, weight[0].numel()))


def _other(name: str, value: Tensor, generator: torch.Generator) -> Tensor:
    """A parameter that is no layer's weight, drawn if it is constant, made larger if it is nearly zero."""
    first = float(value.flatten()[0])
    if not bool((value == first).all()) or (value.numel() == 1 and first not in (0.0, 1.0)):
        return _normal(value, generator) * 0.2 if value.numel() > 1 and value.std() < FEW else value
    if abs(first) < 0.5:  # a bias, or what starts a branch at nothing
        scale = any(word in name for word in ("weight", "gamma", "scale", "gain"))
        return _between(0.3, 0.8, value, generator) if scale else 0.2 * _normal(value, generator)
    return first * _between(0.5, 0.95, value, generator) * _signs(value, generator)


def _statistics(model: nn.Module, norms: list[nn.Module], size: int) -> None:
    """Running statistics of one batch, by one forward pass."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = None  # a plain average: of one batch, that batch's statistics
        norm.reset_running_stats()
    model(zoo.photographs(8, size).to(dtype_of(model)))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator).to(like)


def _between(low: float, high: float, like: Tensor, generator: torch.Generator) -> Tensor:
    return (low + (high - low) * torch.rand(like.shape, generator=generator)).to(like)


def _signs(like: Tensor, generator: torch.Generator) -> Tensor:
    """-1 for one in eight of several values, else 1."""
    if like.numel() == 1:
        return torch.ones_like(like)
    return torch.where(torch.rand(like.shape, generator=generator) < 1 / 8, -1.0, 1.0).to(like)
