"""``pyxai dxai evaluate``: the paper's tables for a training and every heat map beside it."""

from __future__ import annotations

import csv
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxai.cli.dxai_command import check_classes, explained_classifier, labelled_images
from pyxai.engine import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from pyxai.dxai.data import Range
    from pyxai.dxai.training import Recipe
    from pyxai.engine.data.preprocess import Preprocess

    Classify = Callable[[Tensor], Tensor]

SLOW = "rate_distortion"  # a family of methods that is left out unless named
COLUMNS = {
    "area": "β-AUC",
    "area_absolute": "β-AUC, absolute",
    "deletion": "deletion AUC",
    "agnostic": "|p - 1/c|",
}


def evaluate(
    run: Annotated[Path, typer.Option(metavar="RUN", help="Folder of a training.")],
    data: Annotated[Path, typer.Option(metavar="FOLDER", help="Held-out pictures, as for training.")],
    model: Annotated[
        str | None,
        typer.Option(metavar="SPEC", help="The classifier that judges; default: the one trained in RUN."),
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,…",
            help="Heat maps; default: all of the classifier that need no further options, but for the slow "
            "rate-distortion ones.",
        ),
    ] = None,
    limit: Annotated[int, typer.Option(help="Pictures of each class, at most.")] = 100,
    rows: Annotated[int, typer.Option(help="Pictures at a time.")] = 16,
    labels: Annotated[
        bool, typer.Option("--labels", help="Explain the true classes, as the authors' code does.")
    ] = False,
    signed: Annotated[
        bool, typer.Option("--signed", help="Keep heat maps' negative values, as the authors' code does.")
    ] = False,
    device: Annotated[str | None, typer.Option(help="Default: cuda where there is one.")] = None,
) -> None:
    """Areas under accuracy against β (Tab. 1) and against deleted pixels (Tab. 2); written to RUN too."""
    import numpy as np
    import torch

    from pyxai.checks import whole
    from pyxai.dxai.data import Range
    from pyxai.dxai.decomposition import decompose
    from pyxai.dxai.trained import trained_networks
    from pyxai.engine.models.load import load_model
    from pyxai.metrics.decomposition import heatmap_part

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    try:
        whole("--limit", limit, 1)
        whole("--rows", rows, 1)
        recipe, networks = trained_networks(str(run), torch.device(device))
        loaded = load_model(model or f"dxai:{run}")
        _check_channels(run, recipe, loaded.preprocess)
        preprocess = dataclasses.replace(loaded.preprocess, resize=recipe.size, crop=recipe.size)
        images, _ = labelled_images(data, preprocess)
        classifier = explained_classifier(loaded.model)
        check_classes(classifier, images)
        if images.classes != recipe.classes:
            raise InputError(
                f"{run} was trained for {', '.join(recipe.classes)}, not {', '.join(images.classes)}"
            )
        names = heatmap_methods(methods)
        took = history(run)
    except ValueError as error:
        raise InputError(str(error)) from None
    _warn_of_another(classifier, recipe, run)
    classify = in_unit_range(classifier.to(device), Range(preprocess.black, preprocess.white), rows)
    chosen = np.concatenate([np.flatnonzero(images.labels == c)[:limit] for c in range(len(images.classes))])
    inputs, target = (x.to(device) for x in images.batch(chosen))
    unit = Range(preprocess.black, preprocess.white).unit(inputs)
    predicted = classify(unit).argmax(1)
    explained = target if labels else predicted
    parts = [
        decompose(networks, *group) for group in zip(unit.split(rows), explained.split(rows), strict=True)
    ]
    distinct = torch.cat([part.distinct for part in parts])
    psnr = torch.cat([part.psnr() for part in parts]).mean().item()
    table = {"dxai": {**measures(classify, unit, distinct, distinct, target), "psnr": psnr}}
    for name, relevance in heatmaps(loaded.model, names, inputs, explained, rows):
        distinct = heatmap_part(unit, relevance, "keep" if signed else "clip")
        table[name] = measures(classify, unit, distinct, relevance, target)
    judge = model or f"dxai:{run}"
    options = {"model": judge, "data": images.identity, "pictures": len(chosen), "labels": labels}
    accuracy = (predicted == target).double().mean().item()
    stored = {**took, **options, "signed": signed, "accuracy": accuracy, "methods": table}
    (run / "evaluation.json").write_text(json.dumps(stored, indent=1) + "\n")
    print(told(stored, psnr))
    show(table, COLUMNS)


def history(run: Path) -> dict[str, float]:
    """What the training in ``run`` took: ``iterations``, and minutes, of it up to its last report and of the
    classifier that it trained first.
    """
    from pyxai.dxai.training import LOG, load_checkpoint
    from pyxai.engine.models.dxai import CLASSIFIER

    done, seconds = load_checkpoint(run)["iteration"], 0.0
    if (run / LOG).exists():
        with open(run / LOG, newline="") as file:
            for row in csv.DictReader(file):
                if row["seconds"] and int(row["iteration"]) <= done:  # a kill may have cut the last row short
                    seconds = float(row["seconds"])
    fitted = (run / CLASSIFIER).with_suffix(".json")
    before = json.loads(fitted.read_text())["seconds"] if fitted.exists() else 0.0
    return {"iterations": done, "training_minutes": seconds / 60, "classifier_minutes": before / 60}


def told(result: dict, psnr: float) -> str:
    """One line on the training and the pictures it was judged by."""
    return (
        f"{result['iterations']} steps in {result['training_minutes']:.1f} min; {result['pictures']} "
        f"held-out pictures, {result['accuracy']:.1%} classified right; the branches sum to them with a PSNR "
        f"of {psnr:.1f} dB"
    )


def show(table: dict[str, dict[str, float]], columns: dict[str, str]) -> None:
    """Print the rows of a table, by their first column."""
    width = max(map(len, table))
    print(" " * width, *(f"{title:>15}" for title in columns.values()))
    for name, values in sorted(table.items(), key=lambda row: row[1][next(iter(columns))]):
        print(f"{name:{width}}", *(f"{values[key]:15.3f}" for key in columns))


def heatmap_methods(named: str | None) -> list[str]:
    """The methods a comma-separated list names; None for all that need no further options and are quick."""
    from pyxai.methods import Needs, get_method, list_methods

    if named is None:
        known = map(get_method, list_methods())
        return [m.name for m in known if m.needs >= Needs.GRADIENTS and m.family != SLOW]
    names = [get_method(name).name for name in named.split(",") if name]
    if "dxai" in names:
        raise InputError("--methods names heat maps, not 'dxai', which is always there")
    return names


def heatmaps(
    model: nn.Module, names: list[str], inputs: Tensor, target: Tensor, rows: int
) -> Iterator[tuple[str, Tensor]]:
    """Method and relevance, (N, 1 or C, H, W), of random maps and of every method for the classes ``target``.

    A method that the model has none of is left out, which is said.
    """
    import torch

    from pyxai.explainer import Explainer

    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, *inputs.shape[2:], generator=generator) for _ in inputs]
    yield "random", torch.stack(maps).to(inputs.device)
    for name in names:
        try:
            yield name, Explainer(model, name, rows=rows)(inputs, target).attribution
        except (TypeError, ValueError) as error:
            print(f"{name}: left out, {error}")


def in_unit_range(classifier: nn.Module, span: Range, rows: int) -> Classify:
    """The classifier on images in [-1, 1], (N, C, H, W) to logits, ``rows`` at a time."""
    import torch

    @torch.no_grad()
    def classify(unit: Tensor) -> Tensor:
        return torch.cat([classifier(span.input(part)) for part in unit.split(rows)])

    return classify


def measures(
    classify: Classify, unit: Tensor, distinct: Tensor, relevance: Tensor, target: Tensor
) -> dict[str, float]:
    """The columns of a row: of images in [-1, 1], their distinct parts and the pixels' relevance."""
    from pyxai.metrics import decomposition as evaluation

    right = evaluation.accuracies(evaluation.progression(classify, unit, distinct), target)
    without = evaluation.accuracies(evaluation.deletion(classify, unit, relevance), target)
    return {
        "area": evaluation.area(right, evaluation.BETAS),
        "area_absolute": evaluation.area(right, evaluation.BETAS, relative=False),
        "deletion": evaluation.area(without, evaluation.DELETED),
        "agnostic": evaluation.distance_from_equal(classify, unit - distinct).mean().item(),
    }


def _check_channels(run: Path, recipe: Recipe, preprocess: Preprocess) -> None:
    if recipe.channels != preprocess.channels:
        raise InputError(
            f"{run} was trained on {recipe.channels} images, the classifier takes {preprocess.channels}"
        )


def _warn_of_another(classifier: nn.Module, recipe: Recipe, run: Path) -> None:
    """Judging by another classifier is Tab. 3; by the same with other weights it is likely to be an error."""
    from pyxai.engine.models.weights import weights_hash

    _, trained_for, known = recipe.classifier.rpartition(" ")
    if trained_for and known != weights_hash(classifier):
        print(f"pyxai: {run} was trained for a classifier with other weights", file=sys.stderr)
