"""Networks whose maps have closed forms, and what autograd and hooks say of their layers."""

import copy

import torch
from torch import nn

IMAGES = torch.randn(3, 3, 12, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
LAYER = "3"


def averaged(scale=1.0, outputs=4):
    """Maps (6, 12, 16) at layer ``"3"``, their averages and a linear layer, whose scores are scaled."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        convolutions = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 6, 3, padding=1), nn.ReLU()
        model = nn.Sequential(*convolutions, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, outputs))
    for parameter in model[-1].parameters():
        parameter.data.mul_(scale)
    return model.double().eval()


def dense(outputs=4):
    """Maps (6, 6, 8) at layer ``"3"``, and two dense layers whose gradient differs from place to place."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        convolutions = nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.Conv2d(5, 6, 3, 2, 1), nn.ReLU()
        head = nn.Flatten(), nn.Linear(6 * 48, 20), nn.Tanh(), nn.Linear(20, outputs)
        model = nn.Sequential(*convolutions, *head)
    return model.double().eval()


def inside(model, images, target, layer=LAYER):
    """The values of a layer, and the gradient of each image's score by them, by a hook on a copy."""
    model, seen = copy.deepcopy(model), []

    def keep(module, arguments, value):
        seen.append(value)
        value.retain_grad()
        return value.clone()  # the model may write over it

    model.get_submodule(layer).register_forward_hook(keep)
    scores = model(images)
    target = torch.as_tensor(target).expand(len(images))
    scores.gather(1, target[:, None]).sum().backward()
    return seen[0].detach(), seen[0].grad


def channel_scores(model, images, change, layer=LAYER):
    """Scores (n, K) with ``change`` of a layer's values in their place."""
    model = copy.deepcopy(model)
    model.get_submodule(layer).register_forward_hook(lambda module, arguments, value: change(value))
    with torch.no_grad():
        return model(images)


RAW = {"relu": False, "upsample": False, "normalize": "none"}
