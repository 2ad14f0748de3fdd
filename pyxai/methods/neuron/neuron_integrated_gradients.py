"""Integrated Gradients of units of an inner layer."""

from __future__ import annotations

from pyxai.methods.neuron.of_units import OfUnits
from pyxai.methods.path.integrated_gradients import IntegratedGradients


class NeuronIntegratedGradients(OfUnits, IntegratedGradients):
    """(Image - baseline) times the mean gradient of units of an inner layer between them.

    ``expected`` is unit(image) - mean unit(baseline).
    """

    name = "neuron_integrated_gradients"
