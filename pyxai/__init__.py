"""Fast, correct explanations of image classifiers.

    import pyxai

    explanation = pyxai.explain(model, images, method="integrated_gradients")
    explanation.attribution, explanation.residual

Importing the package is cheap: torch is imported when a name below is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyxai.attribution import Explainer, Explanation, explain, methods
    from pyxai.engine import open

__version__ = "0.1.0"
__all__ = ["Explainer", "Explanation", "__version__", "explain", "methods", "open"]

_HOMES = {"open": "pyxai.engine"}


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'pyxai' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES.get(name, "pyxai.attribution")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
