"""Explanations of the two vision transformers that `train` makes, beside random maps, as one JSON file:
`python -m examples.transformers.evaluate --data FOLDER --out results.json`.

FOLDER has `cifar10_test_2000.zip`. For each method: how the probability of the class falls and rises as
pixels go and come, in 20 steps; the share of its positive evidence on the named one of four photographs in a
collage, 0.25 by chance; how much its maps are those of a network whose weights are random; and how far they
are from those of the network in bfloat16. All with 95 % intervals over the images, by 1000 bootstrap samples.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import pyxai
from examples.transformers import network as transformer
from examples.transformers.network import CLASSES, PREPROCESS, SmallViT
from examples.transformers.train import TEST, read

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "saliency": ("saliency", {}),
    "integrated_gradients": ("integrated_gradients", {"steps": 32}),
    "grad_cam": ("grad_cam", {"upsample": True}),
    "attention": ("attention", {"upsample": True}),
    "attention_rollout": ("attention_rollout", {"upsample": True}),
    "transformer_attribution": ("transformer_attribution", {"upsample": True}),
    "legrad": ("legrad", {"upsample": True}),
    "lrp, attn_lrp": ("lrp", {"composite": "attn_lrp"}),
    "lrp, cp_lrp": ("lrp", {"composite": "cp_lrp"}),
}
STEPS = 20


def maps(model: nn.Module, name: str, images: Tensor, target: Tensor) -> Tensor:
    """Heat maps (N, H, W) of a class, float32; of `random` they are noise."""
    if name == "random":
        generator = torch.Generator().manual_seed(0)
        return torch.rand(len(images), *images.shape[2:], generator=generator)
    method, options = METHODS[name]
    return pyxai.explain(model, images, method, target, **options).heatmap().float()


def interval(values: Tensor) -> dict[str, float]:
    """Mean of those that are numbers, and the 2.5 and 97.5 % quantiles of 1000 bootstrap means."""
    values = values[values.isfinite()].double()
    rows = torch.randint(len(values), (1000, len(values)), generator=torch.Generator().manual_seed(0))
    low, high = values[rows].mean(1).quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return {"mean": values.mean().item(), "low": low, "high": high, "images": len(values)}


def collages(pixels: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images (N, 3, 64, 64) of four photographs, the classes (N, 4) and the tiles (N, 4, 64, 64)."""
    of_class = [pixels[labels == label] for label in range(len(CLASSES))]
    made, classes = [], []
    for row in range(count):
        four = torch.randperm(len(CLASSES), generator=torch.Generator().manual_seed(row))[:4]
        tiles = [of_class[label][row] for label in four]
        made.append(torch.cat([torch.cat(tiles[:2], 2), torch.cat(tiles[2:], 2)], 1))
        classes.append(four)
    where = torch.zeros(4, 64, 64, dtype=torch.bool)
    for tile in range(4):
        where[tile, 32 * (tile // 2) :, 32 * (tile % 2) :][:32, :32] = True
    return torch.stack(made), torch.stack(classes), where.expand(count, -1, -1, -1)


def reinitialised(pooling: str) -> SmallViT:
    torch.manual_seed(1)
    network = SmallViT(pooling)
    return network.requires_grad_(False).eval()


def of_network(pooling: str, data: Path, count: int) -> dict[str, Any]:
    """All figures of one network."""
    model = transformer.load(pooling).requires_grad_(False)
    photographs = read(data / TEST)
    with torch.no_grad():
        answers = torch.cat([model(PREPROCESS.normalise(part)) for part in photographs.pixels.split(200)])
    known = answers.argmax(1) == photographs.labels
    pixels, labels = photographs.pixels[known], photographs.labels[known]
    chosen = torch.cat([(labels == label).nonzero()[: count // 10, 0] for label in range(10)])
    images, target = PREPROCESS.normalise(pixels[chosen]), labels[chosen]

    tiled, classes, where = collages(pixels, labels, count // 2)
    tiled = PREPROCESS.normalise(tiled)
    with torch.no_grad():
        top = model(tiled).topk(2).indices
    seen = (top[:, :, None] == classes[:, None]).any(2).double().mean().item()
    random, half = reinitialised(pooling), copy.deepcopy(model).bfloat16()

    found: dict[str, Any] = {"accuracy": known.double().mean().item(), "top 2 of collages in them": seen}
    for name in (*METHODS, "random"):
        own = maps(model, name, images, target)
        parts = {
            "deletion": pyxai.metrics.deletion(model, images, own, target, steps=STEPS),
            "insertion": pyxai.metrics.insertion(model, images, own, target, steps=STEPS),
        }
        shares = [
            pyxai.metrics.energy_inside(maps(model, name, tiled, classes[:, tile]), where[:, tile])
            for tile in range(2)
        ]
        parts["share on the named photograph"] = torch.cat(shares)
        if name != "random":
            parts["correlation with a random network's"] = pyxai.metrics.pearson(
                own, maps(random, name, images, target)
            )
            near = maps(half, name, images.bfloat16(), target)
            parts["distance of bfloat16"] = (near - own).abs().sum((1, 2)) / own.abs().sum((1, 2))
        found[name] = {part: interval(values) for part, values in parts.items()}
        means = {part: round(values["mean"], 3) for part, values in found[name].items()}
        print(pooling, name, means, flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    parser.add_argument("--images", type=int, default=100, help="of each network (default 100)")
    arguments = parser.parse_args()
    found = {
        pooling: of_network(pooling, arguments.data, arguments.images)
        for pooling in ("class_token", "mean_pooled")
    }
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
