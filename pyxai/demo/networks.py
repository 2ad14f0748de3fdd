"""The two small classifiers of the demonstration, with the weights `pyxai.demo.train` made.

`digits` and `photographs` are model specs: `--model pyxai.demo.networks:digits`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.engine.data.preprocess import Preprocess

WEIGHTS = Path(__file__).parent / "weights"
DIGITS = Preprocess()
PHOTOGRAPHS = Preprocess(mean=(0.5,), std=(0.25,))  # 0, the usual baseline, is then mid-grey and not black


class SmallCNN(nn.Module):
    """Convolution, BatchNorm and ReLU for every entry of `widths`, a global average and a linear layer.

    Between them the height and width are halved by averages, which leave smooth maps where strides leave
    chequered ones; `shrink` does so once at the start. Input (N, 3, H, W), output (N, classes).
    """

    def __init__(self, widths: tuple[int, ...], classes: int, shrink: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 3
        for outputs in widths:
            if layers or shrink:
                layers.append(nn.AvgPool2d(2))
            layers += [
                nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.classify = nn.Linear(inputs, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x).mean((2, 3)))


def untrained_digits() -> SmallCNN:
    """The network for handwritten digits."""
    return SmallCNN((16, 24, 32), 10, shrink=False)


def untrained_photographs() -> SmallCNN:
    """The network for crops of photographs."""
    return SmallCNN((16, 24, 32, 48), 8, shrink=True)


def digits() -> tuple[nn.Module, Preprocess]:
    """Classifier of handwritten digits 0 to 9, 32×32, white on black, and its preprocessing."""
    return load(untrained_digits(), "digits"), DIGITS


def photographs() -> tuple[nn.Module, Preprocess]:
    """Classifier that tells which of `pictures.PHOTOGRAPHS` a crop was cut from, and its preprocessing."""
    return load(untrained_photographs(), "photographs"), PHOTOGRAPHS


def load(network: SmallCNN, name: str) -> SmallCNN:
    """Fill `network` from `weights/<name>.npz`; in eval mode."""
    with np.load(WEIGHTS / f"{name}.npz", allow_pickle=False) as arrays:
        network.load_state_dict({key: torch.from_numpy(arrays[key]) for key in arrays.files})
    return network.eval()


def save(network: SmallCNN, name: str) -> None:
    """Write the state of `network` to `weights/<name>.npz`."""
    WEIGHTS.mkdir(exist_ok=True)
    state = {key: value.numpy() for key, value in network.state_dict().items()}
    np.savez_compressed(WEIGHTS / f"{name}.npz", allow_pickle=False, **state)
