"""What the parts of the method bring, and whether a decomposition for one classifier is one for another
(Kadar & Gilboa 2023, Figs. 6 and 14-16, Tab. 3):

    python -m examples.dxai.ablations --data train.zip --test test.zip --out FOLDER --json result.json

Trains seven decompositions one after the other, each in a folder of its own; those that are there continue.
The ablations explain the discriminator. Table 3 has β-AUCs, of decompositions for the classifiers of the rows
judged by those of the columns: the diagonal should have the lower value of a column.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from pyxai.cli.dxai_train import train
from pyxai.cli.memory import keep_freed_memory
from pyxai.dxai.training import LOG
from pyxai.engine.decomposition.evaluate import evaluate, table_text
from pyxai.methods.decomposition.dxai import DXAI

VARIANTS: dict[str, dict[str, Any]] = {
    "as published": {},
    "ψ_1 of the other class kept (Fig. 6)": {"set_": ["zero_distinction=false"]},
    "two branches (Figs. 14, 15)": {"branches": 2},
    "no dis-rec loss (Fig. 16)": {"set_": ["distinct_reconstruction=0"]},
    "no orthogonality": {"set_": ["orthogonality=0"]},
}
CLASSIFIERS = ("resnet18", "simple")
COLUMNS = {"area": "β-AUC", "agnostic": "|p - 1/c|", "psnr": "PSNR", "class_fake": "L class-fake"}


def judged(run: Path, test: Path, limit: int, model: str | None = None) -> dict[str, float]:
    """The row of a decomposition on held-out pictures."""
    return evaluate(run, test, model, methods="", limit=limit, device="cpu")["methods"][DXAI.name]


def curves(run: Path) -> dict[str, list[float]]:
    """What the log has of the training, every report's value by name: the curves of Figs. 14 to 16."""
    with open(run / LOG, newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in ("iteration", "psnr", "class_fake")}


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--test", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--json", type=Path, help="file for the result")
    parser.add_argument("--limit", type=int, default=100, help="held-out pictures of each class")
    parser.add_argument("--iterations", type=int, default=5000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--discriminator-width", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--precision", default="bf16")
    given = parser.parse_args(words)
    options = {
        "iterations": given.iterations,
        "image_size": given.size,
        "discriminator_width": given.discriminator_width,
        "rate": given.rate,
        "precision": given.precision,
        "device": "cpu",
        "resume": True,
        "report_every": min(250, given.iterations),
    }
    table, drawn = {}, {}
    for number, (name, changes) in enumerate(VARIANTS.items()):
        run = given.out / f"variant{number}"
        train(given.data, run, "discriminator", **{**options, **changes})
        drawn[name] = curves(run)
        table[name] = {**judged(run, given.test, given.limit), "class_fake": drawn[name]["class_fake"][-1]}
    runs = {kind: given.out / kind for kind in CLASSIFIERS}
    for kind, run in runs.items():
        train(given.data, run, f"train:{kind}", **options)
    matching = {
        kind: {other: judged(run, given.test, given.limit, f"dxai:{runs[other]}")["area"] for other in runs}
        for kind, run in runs.items()
    }
    print(table_text(table, COLUMNS))
    print("Tab. 3, β-AUC: classifier decomposed for, and classifier that judges")
    print(table_text(matching, {kind: kind for kind in CLASSIFIERS}))
    if given.json:
        result = {"ablations": table, "curves": drawn, "matching": matching}
        given.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    keep_freed_memory()
    main()
