"""``pyxai dxai evaluate``: the paper's tables for a training and every heat map beside it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pyxai.cli.dxai_command import check_classes, labelled_images
from pyxai.engine import InputError

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import Tensor, nn

    from pyxai.dxai.data import LabelledImages, Range
    from pyxai.dxai.step import Networks

    Classify = Callable[[Tensor], Tensor]
    Parts = Callable[[Tensor, Tensor, Tensor], Tensor]

SLOW = "rate-distortion"  # a family of methods that is left out unless named
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
        str | None, typer.Option(metavar="SPEC", help="The classifier; default: the one trained in RUN.")
    ] = None,
    methods: Annotated[
        str | None,
        typer.Option(metavar="NAME,…", help="Heat maps; default: all that need no further options."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Pictures of each class, at most.")] = 100,
    rows: Annotated[int, typer.Option(help="Pictures at a time.")] = 16,
    labels: Annotated[
        bool, typer.Option("--labels", help="Decompose for the true classes, as the authors' code does.")
    ] = False,
) -> None:
    """Areas under accuracy against β (Tab. 1) and against deleted pixels (Tab. 2); written to RUN too."""
    import numpy as np
    import torch

    from pyxai.attribution.decomposition import trained
    from pyxai.capture.classifier import Classifier
    from pyxai.engine.models import load_model

    try:
        recipe, networks = trained(str(run), torch.device("cpu"))
        loaded = load_model(model or f"dxai:{run}")
        preprocess = dataclasses.replace(loaded.preprocess, resize=recipe.size, crop=recipe.size)
        images, _ = labelled_images(data, preprocess)
        classifier = Classifier(loaded.model).requires_grad_(False)
        check_classes(classifier, images)
        if images.classes != recipe.classes:
            raise InputError(
                f"{run} was trained for {', '.join(recipe.classes)}, not {', '.join(images.classes)}"
            )
        heatmaps = _heatmaps(loaded.model, methods, rows)
    except ValueError as error:
        raise InputError(str(error)) from None
    span = recipe.range
    chosen = np.concatenate([np.flatnonzero(images.labels == c)[:limit] for c in range(len(images.classes))])

    def classify(unit: Tensor) -> Tensor:
        return classifier(span.input(unit))

    quality: list[Tensor] = []
    parts = {"dxai": _decomposed(networks, classify, labels, quality), "random": _random, **heatmaps}
    table = {}
    for name, part in parts.items():
        try:
            table[name] = _measure(part, images, chosen, rows, span, classify)
        except (TypeError, ValueError) as error:
            print(f"{name}: left out, {error}")
    table["dxai"]["psnr"] = torch.cat(quality).mean().item()
    (run / "evaluation.json").write_text(json.dumps(table, indent=1) + "\n")
    count, psnr = len(images.classes), table["dxai"]["psnr"]
    print(f"{len(chosen)} pictures of {count} classes; the branches sum to them with a PSNR of {psnr:.1f} dB")
    width = max(map(len, table))
    print(" " * width, *(f"{title:>15}" for title in COLUMNS.values()))
    for name, values in sorted(table.items(), key=lambda row: row[1]["area"]):
        print(f"{name:{width}}", *(f"{values[key]:15.3f}" for key in COLUMNS))


def _decomposed(networks: Networks, classify: Classify, labels: bool, quality: list[Tensor]) -> Parts:
    """The distinct parts of a decomposition, whose PSNR goes to ``quality``."""
    from pyxai.dxai.decomposition import decompose

    def part(unit: Tensor, inputs: Tensor, target: Tensor) -> Tensor:
        found = decompose(networks, unit, target if labels else classify(unit).argmax(1))
        quality.append(found.psnr())
        return found.distinct

    return part


def _random(unit: Tensor, inputs: Tensor, target: Tensor) -> Tensor:
    import torch

    from pyxai.dxai.evaluation import heatmap_part

    generator = torch.Generator().manual_seed(0)
    return heatmap_part(unit, torch.rand(len(unit), 1, *unit.shape[2:], generator=generator))


def _heatmaps(model: nn.Module, named: str | None, rows: int) -> dict[str, Parts]:
    """Functions that give the parts w ⊙ x of heat maps."""
    from pyxai.attribution import Explainer, method, methods
    from pyxai.dxai.evaluation import heatmap_part

    if named is None:
        entries = [
            entry for entry in methods() if entry.needs in ("gradients", "graph") and entry.family != SLOW
        ]
    else:
        entries = [method(name) for name in named.split(",") if name]
        for entry in entries:
            if entry.name == "dxai":
                raise InputError("--methods names heat maps, not 'dxai', which is always there")

    def parts(name: str) -> Parts:
        explainer = None

        def part(unit: Tensor, inputs: Tensor, target: Tensor) -> Tensor:
            nonlocal explainer
            explainer = explainer or Explainer(model, name, rows=rows)
            return heatmap_part(unit, explainer(inputs).attribution)

        return part

    return {entry.name: parts(entry.name) for entry in entries}


def _measure(
    part: Parts, images: LabelledImages, chosen: ndarray, rows: int, span: Range, classify: Classify
) -> dict[str, float]:
    import numpy as np
    import torch

    from pyxai.dxai import evaluation

    progress, deleted, equal, targets = [], [], [], []
    for index in np.split(chosen, range(rows, len(chosen), rows)):
        inputs, target = images.batch(index)
        unit = span.unit(inputs)
        distinct = part(unit, inputs, target)
        progress.append(evaluation.progression(classify, unit, distinct))
        deleted.append(evaluation.deletion(classify, unit, distinct))
        equal.append(evaluation.distance_from_equal(classify, unit - distinct))
        targets.append(target)
    target = torch.cat(targets)
    right = evaluation.accuracies(torch.cat(progress, 1), target)
    without = evaluation.accuracies(torch.cat(deleted, 1), target)
    return {
        "area": evaluation.area(right, evaluation.BETAS),
        "area_absolute": evaluation.area(right, evaluation.BETAS, relative=False),
        "deletion": evaluation.area(without, evaluation.DELETED),
        "agnostic": torch.cat(equal).mean().item(),
    }
