"""The gradient of units of an inner layer by the image."""

from __future__ import annotations

from pyxai.methods.gradient.gradient import Gradient
from pyxai.methods.neuron.of_units import OfUnits


class NeuronGradient(OfUnits, Gradient):
    """Gradient of units of an inner layer by the image."""

    name = "neuron_gradient"
