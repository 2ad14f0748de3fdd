"""Methods that replace the backward pass, as walks over the captured graph."""

from pyxai.attribution.propagation.composites import Composite
from pyxai.attribution.propagation.input_rules import Flat, Pass, WSquare, ZBox
from pyxai.attribution.propagation.rules import AlphaBeta, Epsilon, Gamma, ZPlus

__all__ = ["AlphaBeta", "Composite", "Epsilon", "Flat", "Gamma", "Pass", "WSquare", "ZBox", "ZPlus"]
