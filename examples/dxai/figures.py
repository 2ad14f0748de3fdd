"""Pictures of a trained decomposition, as in Figs. 1 and 7 of Kadar & Gilboa 2023:

    python -m examples.dxai.figures --run RUN --data test.zip --out figure.png

A row for every picture: the image x, ψ_distinct in colour on grey, its amplitude, ψ_agnostic, and
x - β ψ_distinct for five β from 0 to 1. Below, for the pictures of each class in turn, bars of the
classifier's mean probabilities of all classes at these β, which are printed too.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pyxai.dxai.data import Range
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.pictures import amplitude, bars, grid
from pyxai.dxai.trained import trained_networks
from pyxai.engine.data.labelled import labelled_images
from pyxai.engine.decomposition.classifier import check_classes, explained_classifier
from pyxai.engine.decomposition.evaluate import in_unit_range
from pyxai.engine.models.load import load_model
from pyxai.metrics.decomposition import class_means, progression

BETAS = (0.0, 0.25, 0.5, 0.75, 1.0)


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", help="the explained classifier; default: the one trained in RUN")
    parser.add_argument("--shown", type=int, default=2, help="pictures of each class")
    parser.add_argument("--limit", type=int, default=100, help="pictures of each class for the bars")
    parser.add_argument("--scale", type=int, default=2, help="pixels for each pixel of a picture")
    given = parser.parse_args(words)

    recipe, networks = trained_networks(str(given.run), torch.device("cpu"))
    loaded = load_model(given.model or f"dxai:{given.run}")
    preprocess = dataclasses.replace(loaded.preprocess, resize=recipe.size, crop=recipe.size)
    images, size = labelled_images(given.data, preprocess)
    classifier, span = explained_classifier(loaded.model), Range(preprocess.black, preprocess.white)
    check_classes(classifier, images)
    classify = in_unit_range(classifier, span, rows=16)
    labels = range(len(images.classes))
    chosen = np.concatenate([np.flatnonzero(images.labels == label)[: given.limit] for label in labels])
    inputs, target = images.batch(chosen)
    unit = span.unit(inputs)
    found = decompose(networks, unit, classify(unit).argmax(1))

    rows = []
    for picture in torch.cat([torch.nonzero(target == label)[: given.shown, 0] for label in labels]):
        distinct = found.distinct[picture]
        cells = [unit[picture], distinct, amplitude(distinct[None])[0], found.agnostic[picture]]
        rows.append(cells + [unit[picture] - beta * distinct for beta in BETAS])
    means = class_means(progression(classify, unit, found.distinct, BETAS), target)
    blank = torch.ones(3, size, size)
    rows += [[blank] * 4 + [bars(means[step, label], size) for step in range(len(BETAS))] for label in labels]
    pixels = grid(rows).repeat(given.scale, 0).repeat(given.scale, 1)
    Image.fromarray(pixels).save(given.out)
    for label in labels:
        print(f"mean probabilities of pictures of {images.classes[label]}:")
        for beta, row in zip(BETAS, means[:, label].tolist(), strict=True):
            said = "  ".join(f"{name} {p:.2f}" for name, p in zip(images.classes, row, strict=True))
            print(f"  β = {beta:.2f}  {said}")


if __name__ == "__main__":
    main()
