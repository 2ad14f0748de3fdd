"""Networks with what trips up tools that read inner layers, and plain sums over the points of a line."""

import copy

import torch
from torch import nn

IMAGES = torch.randn(2, 3, 8, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
START = torch.randn(2, 3, 8, 10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


class Tangled(nn.Module):
    """BatchNorm, a residual sum, branches, a block that is called twice, activations that may be in place."""

    def __init__(self, activation):
        super().__init__()
        self.whole, self.stem, self.norm = nn.Identity(), nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6)
        self.activation, self.twice = activation, nn.Conv2d(6, 6, 3, padding=1)
        self.left, self.right = nn.Conv2d(6, 4, 1), nn.Conv2d(6, 5, 3, stride=2, padding=1)
        self.pool, self.hidden, self.head = nn.AdaptiveAvgPool2d(2), nn.Linear(36, 7), nn.Linear(7, 4)

    def forward(self, x):
        x = self.activation(self.norm(self.stem(self.whole(x))))
        x = x + self.activation(self.twice(x))
        x = x + self.activation(self.twice(x))
        x = torch.cat([self.pool(self.left(x)), self.pool(self.activation(self.right(x)))], 1)
        return self.head(self.activation(self.hidden(x.flatten(1))))


def tangled(activation):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Tangled(activation)
        model.norm.running_mean.normal_(), model.norm.running_var.uniform_(0.5, 2)
        model.head.weight.data.mul_(5)  # else the scores look like probabilities
    return model.double().eval()


def smooth():
    return tangled(nn.Tanh())


def rectified():
    return tangled(nn.ReLU(inplace=True))


THROUGH = ("stem", "norm", "hidden", "head")
"""Layers that all that reaches the scores flows through."""
BESIDE = ("twice", "twice#2", "left", "right")
"""Layers that something bypasses."""


def inside(model, images, layer):
    """The value of a module that is called once, as a function of the images for autograd, and the scores."""
    model, seen = copy.deepcopy(model), []

    def keep(module, arguments, value):
        seen.append(value)
        return value.clone()  # the model may write over it

    model.get_submodule(layer).register_forward_hook(keep)
    scores = model(images)
    return seen[0], scores


def part(value, unit):
    """The sum of each image's units."""
    return value[(slice(None), *unit)].reshape(len(value), -1).sum(1)
