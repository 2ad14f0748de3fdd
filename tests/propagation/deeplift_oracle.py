"""DeepLIFT layer by layer as the paper and its authors' code write it: four convolutions forward, five back.

For an ``nn.Sequential`` of convolutions, linear layers, ReLUs and flattening. Each value carries positive and
negative contributions (Δ⁺, Δ⁻) forward and multipliers (m⁺, m⁻) back.
"""

import torch
import torch.nn.functional as F
from torch import nn


def contributions(model, images, baseline, target, rule):
    """(N, ...) like ``images``: multiplier times difference for the class ``target``."""
    x, x0 = images, baseline
    parts = _signs(x - x0)
    passed = []
    for layer in model:
        passed.append((layer, x, x0, parts))
        parts = _forward(layer, x, x0, parts, rule)
        x, x0 = layer(x), layer(x0)
    above = below = F.one_hot(torch.full((len(x),), target), x.shape[1]).to(x)
    for layer, x, x0, parts in reversed(passed):
        above, below = _back(layer, x, x0, parts, above, below, rule)
    positive, negative = _signs(images - baseline)
    return above * positive + below * negative


def _signs(values):
    return values.clamp(min=0), values.clamp(max=0)


def _apply(layer, values, weight):
    if isinstance(layer, nn.Linear):
        return F.linear(values, weight)
    return F.conv2d(values, weight, None, layer.stride, layer.padding)


def _transposed(layer, multipliers, weight, like):
    leaf = torch.zeros_like(like).requires_grad_(True)
    return torch.autograd.grad(_apply(layer, leaf, weight), leaf, multipliers)[0]


def _forward(layer, x, x0, parts, rule):
    if isinstance(layer, nn.Flatten):
        return tuple(layer(part) for part in parts)
    if isinstance(layer, nn.ReLU):
        return tuple(part * ratio for part, ratio in zip(parts, _ratios(x, x0, parts, rule), strict=True))
    (up, down), (rising, falling) = _signs(layer.weight), _signs(x - x0)
    positive = _apply(layer, rising, up) + _apply(layer, falling, down)
    return positive, _apply(layer, rising, down) + _apply(layer, falling, up)


def _ratios(x, x0, parts, rule):
    """What m⁺ and m⁻ are multiplied by at a ReLU."""
    if rule == "rescale":
        slope = (x.relu() - x0.relu()) / (x - x0)
        return slope, slope
    positive, negative = parts
    start, end, high, low = x0.relu(), x.relu(), (x0 + positive).relu(), (x0 + negative).relu()
    up, down = (high - start + end - low) / 2, (low - start + end - high) / 2
    return up / positive.where(positive != 0, 1.0), down / negative.where(negative != 0, 1.0)


def _back(layer, x, x0, parts, above, below, rule):
    if isinstance(layer, nn.Flatten):
        return above.reshape(x.shape), below.reshape(x.shape)
    if isinstance(layer, nn.ReLU):
        up, down = _ratios(x, x0, parts, rule)
        return above * up, below * down
    up, down = _signs(layer.weight)
    rising = _transposed(layer, above, up, x) + _transposed(layer, below, down, x)
    falling = _transposed(layer, above, down, x) + _transposed(layer, below, up, x)
    still = _transposed(layer, (above + below) / 2, layer.weight, x)
    both = torch.where(x > x0, rising, torch.where(x < x0, falling, still))
    return both, both
