"""Methods that replace the backward pass, as walks over the captured graph."""

from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.input_rules import Flat, Pass, WSquare, ZBox
from pyxai.propagation.lrp.rules import AlphaBeta, Epsilon, Gamma, ZPlus

__all__ = ["AlphaBeta", "Composite", "Epsilon", "Flat", "Gamma", "Pass", "WSquare", "ZBox", "ZPlus"]
