"""Explaining classification by image decomposition: x ≈ ψ_distinct + ψ_agnostic (Kadar & Gilboa 2023).

Generators, one for every branch, are trained against a classifier so that their images sum to x and only the
first of them holds what tells the class. ``pyxai dxai train`` trains them into a folder, as
:class:`Training` does; then

    pyxai.explain(model, images, "dxai", run=folder)

explains images in the classifier's input range, and so do, in the generators' range [-1, 1],

    recipe, networks = pyxai.dxai.trained_networks(folder, device)
    parts = pyxai.dxai.decompose(networks, recipe.range.unit(images), classes)      # parts.distinct, …

:mod:`pyxai.dxai.builders` makes the paper's kinds of data, :mod:`pyxai.dxai.losses` has its losses, and
:mod:`pyxai.metrics.decomposition` its measures.
"""

from pyxai.dxai import builders, losses
from pyxai.dxai.data import LabelledImages, Range
from pyxai.dxai.decomposition import Decomposition, decompose
from pyxai.dxai.losses import Objective
from pyxai.dxai.step import Diverged, Networks
from pyxai.dxai.trained import trained_networks
from pyxai.dxai.training import Progress, Recipe, RecipeMismatch, Training

__all__ = [
    "Decomposition",
    "Diverged",
    "LabelledImages",
    "Networks",
    "Objective",
    "Progress",
    "Range",
    "Recipe",
    "RecipeMismatch",
    "Training",
    "builders",
    "decompose",
    "losses",
    "trained_networks",
]
