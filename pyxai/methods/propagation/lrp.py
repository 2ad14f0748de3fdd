"""Layer-wise relevance propagation."""

from __future__ import annotations

from pyxai.methods.propagation.by_rules import ByRules
from pyxai.propagation.lrp.composites import Composite, NamedComposite, Settings, named_composite
from pyxai.propagation.lrp.rules import STABILISER, Bias


class LRP(ByRules):
    """Layer-wise relevance propagation by a composite of rules (survey §5.1, eq. 11–15; Bach et al. 2015).

    Attributes:
        composite: rules by layer: ``epsilon``, ``epsilon_plus``, ``epsilon_plus_flat``,
            ``epsilon_gamma_box``, ``epsilon_alpha2_beta1``, ``epsilon_alpha2_beta1_flat``, ``preset_a`` (α1β0
            convolutions), ``preset_b`` (α2β1), all with ε for linear layers; or a :class:`Composite`.
        epsilon: of the ε-rule.
        gamma: of the γ-rule.
        low, high: least and greatest value of a pixel in the model's input space, a number or one
            for each channel, for ``epsilon_gamma_box``.
        bias: what becomes of a bias's share: left with it (``absorb``), left out (``ignore``), or given to
            the inputs of its output in equal parts (``spread``).
        stabiliser: added to the denominators of all other rules, with their sign.

    Options but ``composite`` set the named composites. ``expected`` is the score less the biases' share; what
    else the residual shows was taken by ε or sat on zeros, see ``explainer.report``.
    """

    name = "lrp"

    composite: NamedComposite | Composite = "epsilon_plus_flat"
    epsilon: float = 1e-6
    gamma: float = 0.25
    low: float | tuple = 0.0
    high: float | tuple = 1.0
    bias: Bias = "absorb"
    stabiliser: float = STABILISER

    def settle(self) -> None:
        self.rules()

    def rules(self) -> Composite:
        if isinstance(self.composite, Composite):
            return self.composite
        settings = Settings(self.epsilon, self.gamma, self.low, self.high, self.bias, self.stabiliser)
        return named_composite(self.composite, settings)
