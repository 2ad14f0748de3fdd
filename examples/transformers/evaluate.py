"""Explanations of the demonstration's vision transformers, beside random maps:
`python -m examples.transformers.evaluate --data FOLDER`.

FOLDER has `cifar10_test_2000.zip`. For each method: how the probability of the class falls and rises as
pixels go and come, in 20 steps; the share of its positive evidence on the named one of two photographs of
two classes beside each other, 0.5 by chance; how much its maps are those of a network whose weights are
random; and how far they are from those of the network in bfloat16. All with 95 % intervals over the images,
by 1000 bootstrap samples, as one JSON file; and a sheet of maps to look at for each network.

A collage has 32×64 pixels, and the positions that the network knows are interpolated to its 8×16 patches.
"""

from __future__ import annotations

import argparse
import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import pyxai
from examples.transformers import network
from examples.transformers.network import PREPROCESS, SmallViT
from examples.transformers.train import TEST, read

METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "gradient": ("gradient", {}),
    "saliency": ("saliency", {}),
    "integrated_gradients": ("integrated_gradients", {"steps": 32}),
    "grad_cam": ("grad_cam", {"layer": "blocks.5.norm1"}),
    "deeplift": ("deeplift", {}),
    "lrp, attn_lrp": ("lrp", {"composite": "attn_lrp"}),
    "lrp, cp_lrp": ("lrp", {"composite": "cp_lrp"}),
    "attention": ("attention", {}),
    "attention_rollout": ("attention_rollout", {}),
    "transformer_attribution": ("transformer_attribution", {}),
    "transformer_attribution, attention": ("transformer_attribution", {"relevance": "attention"}),
    "legrad": ("legrad", {}),
    "legrad, the model's pooling": ("legrad", {"pooling": "model"}),
    "legrad, last two blocks": ("legrad", {"variant": "authors"}),
}
FOLDER = Path(__file__).parent
STEPS = 20
SHOWN = 6  # photographs and rows of collages on a sheet
ENLARGED = 4  # pixels of a sheet for one of a photograph


def maps(model: nn.Module, name: str, images: Tensor, target: Tensor) -> Tensor:
    """Heat maps (N, H, W) of the classes (N,), or (N, 2, H, W) of (N, 2); of `random` they are noise."""
    if name == "random":
        generator = torch.Generator().manual_seed(0)
        return torch.rand(*target.shape, *images.shape[2:], generator=generator)
    method, options = METHODS[name]
    return pyxai.explain(model, images, method, target, **options).heatmap().float()


def interval(values: Tensor) -> dict[str, float]:
    """Mean of those that are numbers, and the 2.5 and 97.5 % quantiles of 1000 bootstrap means."""
    values = values[values.isfinite()].double()
    rows = torch.randint(len(values), (1000, len(values)), generator=torch.Generator().manual_seed(0))
    low, high = values[rows].mean(1).quantile(torch.tensor([0.025, 0.975]).double()).tolist()
    return {"mean": values.mean().item(), "low": low, "high": high, "images": len(values)}


def collages(pixels: Tensor, labels: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Images (N, 3, 32, 64) of two photographs, their classes (N, 2) and places (N, 2, 32, 64)."""
    rows = torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))
    pixels, labels = pixels[rows], labels[rows]
    made, classes = [], []
    for row in range(count):
        second = row + 1 + int((labels[row + 1 :] != labels[row]).int().argmax())
        made.append(torch.cat([pixels[row], pixels[second]], 2))
        classes.append(torch.stack([labels[row], labels[second]]))
    where = torch.zeros(2, 32, 64, dtype=torch.bool)
    where[0, :, :32] = where[1, :, 32:] = True
    return torch.stack(made), torch.stack(classes), where.expand(count, -1, -1, -1)


def reinitialised(pooling: str) -> SmallViT:
    torch.manual_seed(1)
    return SmallViT(pooling).requires_grad_(False).eval()


def of_network(pooling: str, data: Path, count: int, sheet: Path) -> dict[str, Any]:
    """All figures of one network; a picture of some maps goes to ``sheet``."""
    model = network.load(pooling).requires_grad_(False)
    photographs = read(data / TEST)
    with torch.no_grad():
        answers = torch.cat([model(PREPROCESS.normalise(part)) for part in photographs.pixels.split(200)])
    known = answers.argmax(1) == photographs.labels
    pixels, labels = photographs.pixels[known], photographs.labels[known]
    chosen = torch.cat([(labels == label).nonzero()[: count // 10, 0] for label in range(10)])
    images, target = PREPROCESS.normalise(pixels[chosen]), labels[chosen]

    tiled, classes, where = collages(pixels, labels, count // 2)
    sample = torch.linspace(0, len(chosen) - 1, SHOWN).long()
    pictures = [*uint8(pixels[chosen[sample]]), *uint8(tiled.repeat_interleave(2, 0))[:SHOWN]]
    tiled = PREPROCESS.normalise(tiled)
    with torch.no_grad():
        top = model(tiled).topk(2).indices
    seen = (top[:, :, None] == classes[:, None]).any(2).double().mean().item()
    random, half = reinitialised(pooling), copy.deepcopy(model).bfloat16()

    found: dict[str, Any] = {"accuracy": known.double().mean().item(), "top 2 of collages in them": seen}
    shown: dict[str, list[np.ndarray]] = {}
    for name in (*METHODS, "random"):
        own = maps(model, name, images, target)
        parts = {
            "deletion": pyxai.metrics.deletion(model, images, own, target, steps=STEPS),
            "insertion": pyxai.metrics.insertion(model, images, own, target, steps=STEPS),
        }
        of_both = maps(model, name, tiled, classes).flatten(0, 1)
        parts["share on the named photograph"] = pyxai.metrics.energy_inside(of_both, where.flatten(0, 1))
        if name != "random":
            parts["correlation with a random network's"] = pyxai.metrics.pearson(
                own, maps(random, name, images, target)
            )
            near = maps(half, name, images.bfloat16(), target)
            parts["distance of bfloat16"] = (near - own).abs().sum((1, 2)) / own.abs().sum((1, 2))
        found[name] = {part: interval(values) for part, values in parts.items()}
        means = {part: round(values["mean"], 3) for part, values in found[name].items()}
        print(pooling, name, means, flush=True)
        shown[name] = [*own[sample].numpy(), *of_both[:SHOWN].numpy()]
    pyxai.render.gallery(pictures, shown, sheet, cmap="diverging")
    return found


def uint8(pixels: Tensor) -> np.ndarray:
    """Photographs (N, 3, H, W) as a sheet has them, (N, 4 H, 4 W, 3)."""
    enlarged = pixels.repeat_interleave(ENLARGED, 2).repeat_interleave(ENLARGED, 3)
    return enlarged.permute(0, 2, 3, 1).numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the photographs")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of what is written (default here)")
    parser.add_argument("--images", type=int, default=100, help="of each network (default 100)")
    arguments = parser.parse_args()
    found = {}
    for pooling in ("class_token", "mean_pooled"):
        sheet = arguments.out / f"{pooling}.png"
        found[pooling] = of_network(pooling, arguments.data, arguments.images, sheet)
    (arguments.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
