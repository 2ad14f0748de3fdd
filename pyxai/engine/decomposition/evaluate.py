"""The tables by which a training of :mod:`pyxai.dxai` is judged, with every heat map beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from pyxai.dxai.data import OfUnitRange, Range
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.trained import history, trained_networks
from pyxai.dxai.training import Recipe
from pyxai.engine.data.labelled import labelled_images
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.decomposition.classifier import check_classes, explained_classifier
from pyxai.engine.errors import InputError, refusals
from pyxai.engine.models.load import load_model
from pyxai.engine.models.weights import weights_hash
from pyxai.explainer import Explainer
from pyxai.methods import Method, Needs, get_method, list_methods
from pyxai.methods.decomposition.dxai import DXAI
from pyxai.metrics.decomposition import Classify, heatmap_part, measures

EVALUATION = "evaluation.json"
SLOW = "rate_distortion"  # a family of methods that is left out unless named


def evaluate(
    run: Path,
    data: Path,
    model: str | None = None,
    *,
    methods: str | None = None,
    limit: int = 100,
    rows: int = 16,
    labels: bool = False,
    signed: bool = False,
    evaluation: bool = False,
    device: str | None = None,
    tell: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Areas under accuracy against β (Tab. 1) and against deleted pixels (Tab. 2) of a run and of heat maps.

    Args:
        run: folder of a training.
        data: tree or zip of held-out pictures, one folder for each class.
        model: specification of the classifier that judges; None for the one trained in ``run``.
        methods: heat maps, see :func:`heatmap_methods`.
        limit: pictures of each class, at most.
        rows: pictures at a time; changes no result.
        labels: explain the true classes, as the authors' code does, and not the predicted ones.
        signed: keep the negative values of heat maps, as the authors' code does.
        evaluation: whether a model in training mode is put into evaluation mode.
        device: torch device; None for CUDA where there is one.
        tell: hears of heat maps that are left out, and of what looks like an error.

    Returns:
        What is written to ``run/evaluation.json``: what the run took, what it was judged by, ``psnr`` of the
        sum of its branches, and under ``methods`` a row of :func:`pyxai.metrics.decomposition.measures` each.

    Raises:
        InputError: it cannot be done.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    judge = model or f"dxai:{run}"
    with refusals():
        names = heatmap_methods(methods)
        recipe, networks = trained_networks(str(run), torch.device(device))
        took = history(run)
        loaded = load_model(judge)
        if evaluation:
            loaded.model.eval()
        _check_channels(run, recipe, loaded.preprocess)
        preprocess = loaded.preprocess.changed({"resize": recipe.size, "crop": recipe.size})
        images, _ = labelled_images(data, preprocess)
        classifier = explained_classifier(loaded.model)
        check_classes(classifier, images)
        if images.classes != recipe.classes:
            raise InputError(
                f"{run} was trained for {', '.join(recipe.classes)}, not {', '.join(images.classes)}"
            )
    _, trained_for, weights = recipe.classifier.rpartition(" ")
    if trained_for and weights != weights_hash(classifier):  # Tab. 3, or a mistake
        tell(f"{run} was trained for a classifier with other weights")
    span = Range(preprocess.black, preprocess.white)
    classify = in_unit_range(classifier.to(device), span, rows)
    chosen = np.concatenate([np.flatnonzero(images.labels == c)[:limit] for c in range(len(images.classes))])
    inputs, target = (x.to(device) for x in images.batch(chosen))
    unit = span.unit(inputs)
    predicted = classify(unit).argmax(1)
    explained = target if labels else predicted
    parts = [
        decompose(networks, *group) for group in zip(unit.split(rows), explained.split(rows), strict=True)
    ]
    distinct = torch.cat([part.distinct for part in parts])
    psnr = torch.cat([part.psnr() for part in parts]).mean().item()
    table = {DXAI.name: {**measures(classify, unit, distinct, distinct, target), "psnr": psnr}}
    for name, relevance in heatmaps(loaded.model, names, inputs, explained, rows, tell):
        part = heatmap_part(unit, relevance, "keep" if signed else "clip")
        table[name] = measures(classify, unit, part, relevance, target)
    result = {
        **took,
        "model": judge,
        "data": images.identity,
        "pictures": len(chosen),
        "labels": labels,
        "signed": signed,
        "accuracy": (predicted == target).double().mean().item(),
        "psnr": psnr,
        "methods": table,
    }
    (run / EVALUATION).write_text(json.dumps(result, indent=1) + "\n")
    return result


def told(result: dict[str, Any]) -> str:
    """One line on the training and the pictures it was judged by."""
    return (
        f"{result['iterations']} steps in {result['training_minutes']:.1f} min; {result['pictures']} "
        f"held-out pictures, {result['accuracy']:.1%} classified right; the branches sum to them with a PSNR "
        f"of {result['psnr']:.1f} dB"
    )


def table_text(table: dict[str, dict[str, float]], columns: dict[str, str]) -> str:
    """A table of ``columns``, key to title, with its rows by their first column, smallest first."""
    width = max(map(len, table))
    lines = [" ".join([" " * width, *(f"{title:>15}" for title in columns.values())])]
    for name, values in sorted(table.items(), key=lambda row: row[1][next(iter(columns))]):
        lines.append(" ".join([f"{name:{width}}", *(f"{values[key]:15.3f}" for key in columns)]))
    return "\n".join(lines)


def heatmap_methods(named: str | None) -> list[str]:
    """The methods a comma-separated list names; None for all that need no further options and are quick."""
    if named is None:
        known = map(get_method, list_methods())
        quick = [m for m in known if m.needs >= Needs.GRADIENTS and m.keep == "heatmap" and m.family != SLOW]
        return [method.name for method in quick if _explains_classes(method)]
    methods = [get_method(name) for name in named.split(",") if name]
    if DXAI in methods:
        raise InputError(f"--methods names heat maps, not {DXAI.name!r}, which is always there")
    return [method.name for method in methods]


def _explains_classes(method: type[Method]) -> bool:
    """Whether a method explains a class when nothing but its name is given."""
    try:
        return not method().units
    except ValueError:  # an option that it cannot do without
        return False


def heatmaps(
    model: nn.Module,
    names: list[str],
    inputs: Tensor,
    target: Tensor,
    rows: int,
    tell: Callable[[str], None] = print,
) -> Iterator[tuple[str, Tensor]]:
    """Method and relevance, (N, 1 or C, H, W), of random maps and of every method for the classes ``target``.

    A method that the model has none of is left out, which ``tell`` hears of.
    """
    generator = torch.Generator().manual_seed(0)
    maps = [torch.rand(1, *inputs.shape[2:], generator=generator) for _ in inputs]
    yield "random", torch.stack(maps).to(inputs.device)
    for name in names:
        try:
            yield name, Explainer(model, name, rows=rows)(inputs, target).attribution
        except (TypeError, ValueError) as error:
            tell(f"{name}: left out, {error}")


def in_unit_range(classifier: nn.Module, span: Range, rows: int) -> Classify:
    """The classifier on images in [-1, 1], (N, C, H, W) to logits, ``rows`` at a time."""
    of_unit = OfUnitRange(classifier, span)

    @torch.no_grad()
    def classify(unit: Tensor) -> Tensor:
        return torch.cat([of_unit(part) for part in unit.split(rows)])

    return classify


def _check_channels(run: Path, recipe: Recipe, preprocess: Preprocess) -> None:
    if recipe.channels != preprocess.channels:
        raise InputError(
            f"{run} was trained on {recipe.channels} images, the classifier takes {preprocess.channels}"
        )
