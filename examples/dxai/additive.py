"""Classes that differ by something added and known: noise (Kadar & Gilboa 2023, Fig. 13), or a colour.

Trains a decomposition and shows, for held-out pictures, how its distinct part correlates with what was added,
and the β-AUC, beside the parts w ⊙ x of every heat map of the classifier:

    python -m examples.dxai.additive noise --data train.zip --test test.zip --out RUN

A run that was interrupted continues. See README.md beside this file.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pyxai.cli.dxai_train import train
from pyxai.cli.memory import keep_freed_memory
from pyxai.dxai import builders
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.trained import history
from pyxai.dxai.training import Recipe, load_checkpoint
from pyxai.engine import Preprocess
from pyxai.engine.data.sources import open_source
from pyxai.engine.decomposition.classifier import explained_classifier
from pyxai.engine.decomposition.evaluate import heatmap_methods, heatmaps, in_unit_range, table_text, told
from pyxai.engine.models.load import load_model
from pyxai.methods.decomposition.dxai import DXAI
from pyxai.metrics import pearson
from pyxai.metrics.decomposition import heatmap_part, measures

COLOURS = {"red": (50.0, -25.0, -25.0), "green": (-25.0, 50.0, -25.0), "blue": (-25.0, -25.0, 50.0)}
UNSEEN = 2**40  # seeds of noise that no training picture has
Held = tuple[str, np.ndarray, np.ndarray]  # class, picture, and what was added to it in grey levels of 255
COLUMNS = {"area": "β-AUC", "correlation": "correlation", "agnostic": "|p - 1/c|"}


def pictures(path: Path, size: int, count: int | None) -> Iterator[tuple[str, np.ndarray]]:
    """Names and (size, size, 3) pixels of pictures spread over a folder or zip."""
    source, square = open_source(path), Preprocess(resize=size, crop=size)
    names = source.names()
    for index in np.linspace(0, len(names) - 1, min(count or len(names), len(names))).astype(int):
        yield f"{index:07d}", source.read(names[index], square).transpose(1, 2, 0)


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    """Every pixel as a square of ``times``² pixels."""
    return picture.repeat(times, 0).repeat(times, 1)


def make_tree(
    out: Path, kind: str, data: Path, size: int, times: int, sigma: float, count: int | None
) -> Path:
    """The training pictures in folders of their classes; written whole or not at all."""
    tree, building = out / "data", out / ".data"
    if not tree.exists():
        shutil.rmtree(building, ignore_errors=True)
        found = pictures(data, size, count)
        if kind == "noise":
            items = builders.noise_classes(found, sigma)
        else:
            items = builders.colour_classes(found, COLOURS)
        print(builders.write_tree(building, ((c, name, enlarged(x, times)) for c, name, x in items)))
        building.rename(tree)
    return tree


def held_out(kind: str, picture: np.ndarray, number: int, sigma: float, times: int) -> Held:
    """A picture that is not trained with; the classes come in turn."""
    if kind == "colour":
        label = list(COLOURS)[number % len(COLOURS)]
        changed = builders.tinted(picture, COLOURS[label])
        added = np.broadcast_to(COLOURS[label], picture.shape)
    else:
        label = ("clean", "noisy")[number % 2]
        changed = builders.with_noise(picture, sigma, UNSEEN + number) if number % 2 else picture
        added = changed.astype(float) - picture
    return label, enlarged(changed, times), enlarged(added, times)


def differences(batch: list[np.ndarray]) -> Tensor:
    """Grey levels (H, W, 3) as (N, 3, H, W) in units of half their range, as differences in [-1, 1] are."""
    return torch.from_numpy(np.stack(batch).transpose(0, 3, 1, 2) / 127.5).float()


def measure(run: Path, held: list[Held], methods: str | None) -> dict:
    """What is reported of the training in ``run`` on held-out pictures.

    Correlations are means over the pictures to which something was added; one with a constant part counts
    as zero.
    """
    state = load_checkpoint(run)
    recipe = Recipe.from_json(state["recipe"])
    networks = recipe.networks()
    networks.load_state_dict(state["average"])
    model = load_model(f"dxai:{run}").model
    target = torch.tensor([recipe.classes.index(label) for label, _, _ in held])
    unit, truth = differences([x for _, x, _ in held]) - 1, differences([what for _, _, what in held])
    changed = truth.flatten(1).any(1)
    classify = in_unit_range(explained_classifier(model), recipe.range, rows=16)

    def row(distinct: Tensor, relevance: Tensor) -> dict[str, float]:
        similar = pearson(distinct[changed], truth[changed]).nan_to_num().mean().item()
        return {**measures(classify, unit, distinct, relevance, target), "correlation": similar}

    found = decompose(networks, unit, target)
    table = {DXAI.name: row(found.distinct, found.distinct)}
    for name, relevance in heatmaps(model, heatmap_methods(methods), recipe.range.input(unit), target, 16):
        for negative, said in (("clip", ""), ("keep", ", signed")):
            table[name + said] = row(heatmap_part(unit, relevance, negative), relevance)
    return {
        **history(run),
        "pictures": len(held),
        "accuracy": (classify(unit).argmax(1) == target).double().mean().item(),
        "psnr": found.psnr().mean().item(),
        "recipe": recipe.as_json(),
        "methods": table,
    }


def parse(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kind", choices=("noise", "colour"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path, help="file for the result")
    parser.add_argument("--size", type=int, default=32, help="of the pictures in pixels")
    parser.add_argument("--enlarge", type=int, default=1, help="side of the square each pixel is shown as")
    parser.add_argument("--sigma", type=float, default=25.0, help="of the noise, in grey levels of 255")
    parser.add_argument("--count", type=int, help="training pictures; default all")
    parser.add_argument("--held-out", type=int, default=200)
    parser.add_argument("--methods", help="heat maps; default all that need no further options")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    for_training = parser.add_argument_group("as for `pyxai dxai train`")
    for_training.add_argument("--classifier", default="train:simple")
    for_training.add_argument("--iterations", type=int, default=10_000)
    for_training.add_argument("--branches", type=int, default=5)
    for_training.add_argument("--generator-width", type=int, default=7)
    for_training.add_argument("--discriminator-width", type=int, default=16)
    for_training.add_argument("--batch", type=int, default=8)
    for_training.add_argument("--rate", type=float, default=1e-4)
    for_training.add_argument("--precision", default="bf16")
    for_training.add_argument("--set", action="append", default=[])
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> None:
    given = parse(words)
    torch.set_num_threads(given.threads)
    tree = make_tree(given.out, given.kind, given.data, given.size, given.enlarge, given.sigma, given.count)
    train(
        tree,
        given.out,
        given.classifier,
        iterations=given.iterations,
        image_size=given.size * given.enlarge,
        branches=given.branches,
        generator_width=given.generator_width,
        discriminator_width=given.discriminator_width,
        # Normalised, an image has no mean colour left that a branch could hold.
        input_norm=given.kind == "noise",
        set_=given.set,
        batch=given.batch,
        rate=given.rate,
        precision=given.precision,
        device="cpu",
        resume=True,
        report_every=min(250, given.iterations),
    )
    shown = enumerate(pictures(given.test, given.size, given.held_out))
    held = [held_out(given.kind, x, number, given.sigma, given.enlarge) for number, (_, x) in shown]
    result = measure(given.out, held, given.methods)
    print(told(result))
    print(table_text(result["methods"], COLUMNS))
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    keep_freed_memory()
    main()
