"""DeconvNet."""

from __future__ import annotations

from pyxai.methods.propagation.from_unit import FromUnit


class DeconvNet(FromUnit):
    """Unpool by the maxima's switches, rectify the signal, filter by the transposed layers (survey §4.1).

    Zeiler & Fergus 2014. It is the gradient but for the ReLU, which looks at the signal alone (survey §4.2).
    """

    name = "deconvnet"
    rectify = "signal"
