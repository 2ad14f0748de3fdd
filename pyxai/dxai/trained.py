"""What a training has made: its networks, read once for many calls, and what they took."""

from __future__ import annotations

import csv
import json
import os
from functools import lru_cache
from pathlib import Path

import torch

from pyxai.dxai.step import Networks
from pyxai.dxai.training import CHECKPOINT, CLASSIFIER, LOG, Recipe, load_checkpoint


def trained_networks(run: str, device: torch.device) -> tuple[Recipe, Networks]:
    """A training's recipe and averaged networks."""
    path = Path(run).resolve() / CHECKPOINT
    return _read(path.parent, os.stat(path).st_mtime_ns if path.exists() else 0, str(device))


@lru_cache(maxsize=2)
def _read(run: Path, _modified: int, device: str) -> tuple[Recipe, Networks]:
    state = load_checkpoint(run)  # with all that a training needs, which the device's memory is spared
    recipe = Recipe.from_json(state["recipe"])
    networks = recipe.networks().to(device)
    networks.load_state_dict(state["average"])
    return recipe, networks.eval().requires_grad_(False)


def history(run: Path) -> dict[str, float]:
    """What the training in ``run`` took: ``iterations``, and minutes, of it up to its last report and of the
    classifier that it trained first.
    """
    done, seconds = load_checkpoint(run)["iteration"], 0.0
    if (run / LOG).exists():
        with open(run / LOG, newline="") as file:
            for row in csv.DictReader(file):
                if row["seconds"] and int(row["iteration"]) <= done:  # a kill may have cut the last row short
                    seconds = float(row["seconds"])
    fitted = (run / CLASSIFIER).with_suffix(".json")
    before = json.loads(fitted.read_text())["seconds"] if fitted.exists() else 0.0
    return {"iterations": done, "training_minutes": seconds / 60, "classifier_minutes": before / 60}
