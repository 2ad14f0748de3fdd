"""Small vision transformers for photographs of 32×32, with the weights of `examples/transformers/train.py`.

`class_token` and `mean_pooled` are model specs: `--model examples.transformers.network:class_token`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pyxai.engine.data.preprocess import Preprocess

WEIGHTS = Path(__file__).parent
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
PREPROCESS = Preprocess(mean=(0.5,), std=(0.25,))

Pooling = Literal["class_token", "mean_pooled"]


class Block(nn.Module):
    """Attention and a multilayer perceptron, each behind a LayerNorm and beside a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 3 * width), nn.GELU(), nn.Linear(3 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, width = x.shape
        split = self.qkv(self.norm1(x)).reshape(n, tokens, 3, self.heads, width // self.heads)
        mixed = F.scaled_dot_product_attention(*split.permute(2, 0, 3, 1, 4))
        x = x + self.projection(mixed.transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp(self.norm2(x))


class SmallViT(nn.Module):
    """Vision transformer (Dosovitskiy et al. 2020) with patches of 4×4 pixels and a million parameters.

    Scores are of the class token, or of the mean of the patches' tokens where there is no class token. For
    images of another size than 32×32 the positions are interpolated. Input (N, 3, H, W), H and W multiples
    of 4, output (N, classes).
    """

    PATCH, GRID = 4, 8

    def __init__(
        self, pooling: Pooling, width: int = 128, depth: int = 6, heads: int = 4, classes: int = 10
    ) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, self.PATCH, self.PATCH)
        self.position = nn.Parameter(0.02 * torch.randn(1, width, self.GRID, self.GRID))
        self.class_token = nn.Parameter(torch.zeros(1, 1, width)) if pooling == "class_token" else None
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def tokens(self, x: Tensor) -> Tensor:
        """Those of the patches, with their positions, (N, patches, width)."""
        patches, position = self.patch(x), self.position
        if patches.shape[2:] != position.shape[2:]:
            position = F.interpolate(position, patches.shape[2:], mode="bilinear", align_corners=False)
        return (patches + position).flatten(2).transpose(1, 2)

    def scores(self, tokens: Tensor) -> Tensor:
        """(N, classes) from tokens of patches, of however many."""
        if self.class_token is None:
            return self.head(self.norm(self.blocks(tokens)).mean(1))
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], 1)
        return self.head(self.norm(self.blocks(tokens))[:, 0])

    def forward(self, x: Tensor) -> Tensor:
        return self.scores(self.tokens(x))


def class_token() -> tuple[nn.Module, Preprocess]:
    """The classifier of :data:`CLASSES` whose scores are of the class token, and its preprocessing."""
    return load("class_token"), PREPROCESS


def mean_pooled() -> tuple[nn.Module, Preprocess]:
    """The classifier of :data:`CLASSES` whose scores are of the mean token, and its preprocessing."""
    return load("mean_pooled"), PREPROCESS


def load(pooling: Pooling) -> SmallViT:
    """The network with its weights, in float32 and eval mode."""
    network = SmallViT(pooling)
    with np.load(WEIGHTS / f"vit_{pooling}.npz", allow_pickle=False) as arrays:
        network.load_state_dict({key: torch.from_numpy(arrays[key]).float() for key in arrays.files})
    return network.eval()


def save(network: SmallViT, pooling: Pooling) -> None:
    """Write the network's state as float16."""
    state = {key: value.half().numpy() for key, value in network.state_dict().items()}
    np.savez_compressed(WEIGHTS / f"vit_{pooling}.npz", allow_pickle=False, **state)
