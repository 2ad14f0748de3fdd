"""LRP by dense matrices: every linear layer as the matrix of its terms a_i w_ij, one image at a time."""

import copy

import torch
from torch import nn

import pyxai

TARGET = 2
LINEAR = (nn.Conv2d, nn.Linear, nn.AvgPool2d)


def matrix(layer, shape):
    """The layer's linear part as (outputs, inputs), and its bias by output."""
    basis = torch.eye(shape.numel(), dtype=torch.float64).reshape(-1, *shape)
    zero = layer(torch.zeros(1, *shape, dtype=torch.float64))
    return (layer(basis) - zero).flatten(1).T.detach(), zero.flatten().detach()


def connections(layer, shape):
    """1 where an output sees an input, else 0."""
    alike = copy.deepcopy(layer)
    for parameter in alike.parameters():
        parameter.data.fill_(1.0)
    return (matrix(alike, shape)[0] != 0).double()


def distribute(terms, bias_terms, relevance, epsilon):
    """Relevance of the inputs and what the bias keeps, in proportion to the terms of each sum."""
    sums = terms.sum(1) + bias_terms
    stable = sums + epsilon * torch.where(sums < 0, -1.0, 1.0)
    quotients = torch.where(stable == 0, 0.0, relevance / stable.where(stable != 0, torch.ones_like(stable)))
    return (terms * quotients[:, None]).sum(0), (bias_terms * quotients).sum()


class Rules:
    """Each rule as the terms of its sums; the arguments are a (inputs,), W, b, z and R."""

    def __init__(self, bias="absorb", epsilon=1e-6):
        self.bias, self.epsilon = bias, epsilon

    def _give(self, terms, bias_terms, relevance, seen):
        if self.bias == "ignore":
            bias_terms = torch.zeros_like(bias_terms)
        if self.bias == "spread":
            inputs = seen.sum(1).clamp(min=1)
            terms, bias_terms = terms + (bias_terms / inputs)[:, None] * seen, torch.zeros_like(bias_terms)
        return distribute(terms, bias_terms, relevance, self.epsilon)

    def plain(self, a, w, b, z, r, seen):
        return self._give(a * w, b, r, seen)

    def z_plus(self, a, w, b, z, r, seen):
        return self._give((a * w).clamp(min=0), b.clamp(min=0), r, seen)

    def alpha2_beta1(self, a, w, b, z, r, seen):
        upper, kept = self._give((a * w).clamp(min=0), b.clamp(min=0), r, seen)
        lower, lost = self._give((a * w).clamp(max=0), b.clamp(max=0), r, seen)
        return 2 * upper - lower, 2 * kept - lost

    def gamma(self, a, w, b, z, r, seen):
        z = z - b if self.bias == "ignore" else z

        def favoured(terms):
            shape = (-1, *[1] * (terms.ndim - 1))
            side = torch.where((z > 0).reshape(shape), terms.clamp(min=0), terms.clamp(max=0))
            return terms + 0.25 * side

        return self._give(favoured(a * w), favoured(b), r * (z != 0), seen)

    def w_square(self, a, w, b, z, r, seen):
        return distribute(w.square(), torch.zeros_like(b), r, 0.0)

    def flat(self, a, w, b, z, r, seen):
        return distribute(seen, torch.zeros_like(b), r, 0.0)

    def z_box(self, a, w, b, z, r, seen):
        low, high = -2.0, 3.0
        terms = a * w - low * w.clamp(min=0) - high * w.clamp(max=0)
        return distribute(terms, torch.zeros_like(b), r, self.epsilon)


def walk(model, image, target, choose):
    """Relevance of the pixels, what biases kept, and the score; ``choose(index, layer)`` gives a rule."""
    values = [image]
    for layer in model:
        values.append(layer(values[-1][None])[0].detach())
    score = values[-1][target]
    relevance, kept = torch.zeros_like(values[-1]), 0.0
    relevance[target] = score
    for index in reversed(range(len(model))):
        layer, value = model[index], values[index]
        if isinstance(layer, LINEAR):
            w, b = matrix(layer, value.shape)
            seen = connections(layer, value.shape)
            z = values[index + 1].flatten()
            found, share = choose(index, layer)(value.flatten(), w, b, z, relevance.flatten(), seen)
            relevance, kept = found.reshape(value.shape), kept + share
        elif isinstance(layer, nn.MaxPool2d):
            leaf = value.clone().requires_grad_(True)
            relevance = torch.autograd.grad((layer(leaf[None])[0] * relevance).sum(), leaf)[0]
        elif isinstance(layer, nn.Flatten):
            relevance = relevance.reshape(value.shape)
        # activations pass relevance on
    return relevance, kept, score


def seeded(*layers):
    model = nn.Sequential(*layers).double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.4)
    return model


def rectified():
    """Non-negative hidden values, overlapping max-pool, strides and padding."""
    return seeded(
        nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(3, 2, 1), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(54, 7), nn.ReLU(), nn.Linear(7, 5),
    )  # fmt: skip


def signed():
    """Values of either sign everywhere, groups, dilation, an average pool."""
    return seeded(
        nn.Conv2d(3, 4, 3, padding=2, dilation=2), nn.GELU(), nn.Conv2d(4, 4, 3, 2, groups=2), nn.Tanh(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 5),
    )  # fmt: skip


def compare(model, images, composite, choose):
    explanation = pyxai.explain(model, images, "lrp", TARGET, composite=composite)
    for image, found, score, expected in zip(
        images, explanation.attribution, explanation.score, found_totals(explanation), strict=True
    ):
        relevance, kept, f = walk(model, image, TARGET, choose)
        assert (found - relevance).abs().max() <= 1e-10 * relevance.abs().max()
        assert abs(score - f) <= 1e-12 * abs(f)
        assert abs(expected - (f - kept)) <= 1e-10 * (abs(f) + abs(kept))


def found_totals(explanation):
    """What the map should sum to, as the explanation has it: its sum less ``delta``."""
    return explanation.attribution.sum((1, 2, 3)) - explanation.delta
