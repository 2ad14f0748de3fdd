"""A model in two halves, and the attribution between them by plain autograd."""

import torch
from torch import nn


class Halves(nn.Module):
    """A model that is cut in two at its layer `first`."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        convolutions = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 8, 3, padding=1)
        self.first = nn.Sequential(convolutions[0], nn.ReLU(), nn.MaxPool2d(2))
        self.second = nn.Sequential(convolutions[1], nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))
        for layer in self.modules():
            if hasattr(layer, "bias"):
                nn.init.normal_(layer.weight, std=0.3)
                nn.init.normal_(layer.bias, std=0.3)

    def forward(self, images):
        return self.second(self.first(images))


def integrated(model, images, target, start, nodes):
    end = model.first(images).detach()
    total = torch.zeros_like(end)
    for node in nodes:
        point = (start + node * (end - start)).requires_grad_()
        score = model.second(point).gather(1, target[:, None]).sum()
        total += torch.autograd.grad(score, point)[0] / len(nodes)
    return (end - start) * total
