"""The networks of a finished training, read once for many calls."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

import torch

from pyxai.dxai.step import Networks
from pyxai.dxai.training import CHECKPOINT, Recipe, load_checkpoint


def trained_networks(run: str, device: torch.device) -> tuple[Recipe, Networks]:
    """A training's recipe and averaged networks."""
    path = Path(run).resolve() / CHECKPOINT
    return _read(path.parent, os.stat(path).st_mtime_ns if path.exists() else 0, str(device))


@lru_cache(maxsize=2)
def _read(run: Path, _modified: int, device: str) -> tuple[Recipe, Networks]:
    state = load_checkpoint(run, device)
    recipe = Recipe.from_json(state["recipe"])
    networks = recipe.networks().to(device)
    networks.load_state_dict(state["average"])
    return recipe, networks.eval().requires_grad_(False)
