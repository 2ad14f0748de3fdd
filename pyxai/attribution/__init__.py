"""Attribution methods: which pixels made the model say what it said."""

from pyxai.attribution import (  # noqa: F401  they enter their methods in the table
    decomposition,
    expected,
    gradients,
    noise,
    path,
    rate_distortion,
)
from pyxai.attribution.explainer import Explainer, default_rows, explain
from pyxai.attribution.explanation import Explanation
from pyxai.attribution.propagation import deep_taylor, deeplift, guided, lrp  # noqa: F401
from pyxai.attribution.registry import Method, method, methods, parse_options

__all__ = [
    "Explainer",
    "Explanation",
    "Method",
    "default_rows",
    "explain",
    "method",
    "methods",
    "parse_options",
]
