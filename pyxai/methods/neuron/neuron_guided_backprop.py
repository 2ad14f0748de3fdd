"""Guided backpropagation of units of an inner layer."""

from __future__ import annotations

from pyxai.methods.neuron.units import Units
from pyxai.methods.propagation.guided_backprop import GuidedBackprop


class NeuronGuidedBackprop(Units, GuidedBackprop):
    """Guided backpropagation that starts at units of an inner layer (Springenberg et al. 2015)."""

    name = "neuron_guided_backprop"
