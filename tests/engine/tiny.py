"""Small classifiers for the engine's tests, usable as `--model tests/engine/tiny.py:net`."""

from __future__ import annotations

import torch
from torch import nn

from pyxai.engine import Preprocess


def net(classes: int = 5, channels: int = 3, width: int = 8) -> nn.Module:
    """A seeded convolutional net for images of any size from 3x3 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return nn.Sequential(
            nn.Conv2d(channels, width, 3),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * width, classes),
        ).eval()


def clip_net() -> nn.Module:
    """A seeded convolutional net for clips of any length and size from 3x3 pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return nn.Sequential(
            nn.Conv3d(3, 6, (1, 3, 3)),
            nn.ReLU(),
            nn.Conv3d(6, 8, (3, 1, 1), padding=(1, 0, 0)),
            nn.ReLU(),
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Linear(8, 4),
        ).eval()


def prepared_net() -> tuple[nn.Module, Preprocess]:
    """The net with preprocessing of its own."""
    return net(), Preprocess(mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))


def red_net() -> tuple[nn.Module, Preprocess]:
    """Its second score is the redness of an image in the order of BGR."""
    model = nn.Sequential(nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, 1, -1], [-1, -1, 1]])[:, :, None, None])
        model[0].bias.fill_(3.0)
    return model, Preprocess(channels="BGR", mean=(0.1, 0.2, 0.3))


def grey_net() -> tuple[nn.Module, Preprocess]:
    return net(channels=1), Preprocess(channels="L")


def wide_net() -> nn.Module:
    """Slow enough to be killed while it works."""
    return net(width=96)


def other_net() -> nn.Module:
    """The same architecture with other weights."""
    model = net()
    with torch.no_grad():
        model[0].weight.mul_(1.5)
    return model


def asleep_net() -> nn.Module:
    """None of its ReLUs is active for any picture."""
    model = net()
    with torch.no_grad():
        model[0].bias.fill_(-1e3)
        model[2].bias.fill_(-1.0)
    return model


def training_net() -> nn.Module:
    return nn.Sequential(net(), nn.Dropout(0.5)).train()


def sequential_net() -> nn.Module:
    """The training net as it is in evaluation mode."""
    return training_net().eval()


def named_net() -> nn.Module:
    """It carries the names of its classes."""
    model = net()
    model.class_names = ["cat", "sea, lake", "cup", "pen", "tree"]
    return model


def doubtful_net() -> nn.Module:
    """Its outputs lie between 0 and 1, which is said in a warning."""
    return nn.Sequential(net(), nn.Sigmoid(), nn.Hardtanh()).eval()


def softmax_net() -> nn.Module:
    return nn.Sequential(net(), nn.Softmax(1)).eval()


def single_net() -> nn.Module:
    """One output for each image."""
    return net(classes=1)


def pair_net() -> nn.Module:
    """Returns two tensors that could be class scores."""

    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = net(), net(classes=3)

        def forward(self, x):
            return self.one(x), self.two(x)

    return Pair().eval()


def margin(output):
    """A target: how much the first class is ahead of the second."""
    return output[0] - output[1]


class Crowded(nn.Module):
    """Runs out of memory where a call has more than eight rows."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        if bool(x.isfinite().any()) and x.shape[0] > 8:  # what depends on data is not captured
            raise MemoryError
        return self.net(x)


class Touchy(nn.Module):
    """Cannot take an image that is white all over."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        if bool((x.flatten(1).amin(1) >= 1).any()):
            self.refuse()
        return self.net(x)

    def refuse(self):
        raise RuntimeError("white is not a picture")


class Infinite(nn.Module):
    """Its gradient is infinite where a pixel of the first channel is 0 in the corner."""

    def __init__(self):
        super().__init__()
        self.net = net()

    def forward(self, x):
        return self.net(x) + x[:, :1, 0, 0].sqrt()


def crowded() -> nn.Module:
    return Crowded().eval()


def touchy() -> nn.Module:
    return Touchy().eval()


def infinite() -> nn.Module:
    return Infinite().eval()


def broken() -> nn.Module:
    raise OSError("the weights are gone")


not_a_model = 3
