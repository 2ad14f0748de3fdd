"""Fast, correct explanations of image classifiers.

    import pyxai

    images = pyxai.load_images(["cat.jpg", "dog.jpg"], preprocess)
    explanation = pyxai.explain(model, images, method="integrated_gradients")
    explanation.attribution, explanation.residual

Importing the package is cheap: torch is imported when a name below is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyxai import (
        dxai,
        engine,
        methods,
        metrics,
        ops,
        propagation,
        rde,
        render,
        report,
        saliency,
        visualization,
    )
    from pyxai.engine import Preprocess, load_images, open
    from pyxai.explainer import Explainer, explain
    from pyxai.methods import Explanation, list_methods

__version__ = "0.1.0"

_HOMES = {
    "Explainer": "pyxai.explainer",
    "Explanation": "pyxai.methods",
    "Preprocess": "pyxai.engine",
    "explain": "pyxai.explainer",
    "list_methods": "pyxai.methods",
    "load_images": "pyxai.engine",
    "open": "pyxai.engine",
}
_SUBPACKAGES = (
    "dxai",
    "engine",
    "methods",
    "metrics",
    "ops",
    "propagation",
    "rde",
    "render",
    "report",
    "saliency",
    "visualization",
)

__all__ = [
    "Explainer",
    "Explanation",
    "Preprocess",
    "__version__",
    "dxai",
    "engine",
    "explain",
    "list_methods",
    "load_images",
    "methods",
    "metrics",
    "open",
    "ops",
    "propagation",
    "rde",
    "render",
    "report",
    "saliency",
    "visualization",
]


def __getattr__(name: str):
    if name in _SUBPACKAGES:
        return importlib.import_module(f"pyxai.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'pyxai' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
