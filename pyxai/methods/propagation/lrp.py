"""Layer-wise relevance propagation."""

from __future__ import annotations

from pyxai.checks import expect
from pyxai.methods.propagation.by_rules import ByRules
from pyxai.propagation.lrp.composites import Composite, NamedComposite, Settings, named_composite
from pyxai.propagation.lrp.rules import STABILISER, Bias


class LRP(ByRules):
    """Layer-wise relevance propagation by a composite of rules (survey §5.1, eq. 11–15; Bach et al. 2015).

    Attributes:
        composite: Which rule each layer goes by: the name of a composite, or a
            :class:`pyxai.propagation.Composite` of your own. A name gives the rule of
            convolutions and, where it has one, of the first layer; linear layers take ε. ``preset_a`` is
            ``epsilon_plus`` (α1β0), ``preset_b`` is ``epsilon_alpha2_beta1``. ``attn_lrp`` (Achtibat et al.
            2024) and ``cp_lrp`` (Ali et al. 2022) are for transformers: linear layers take γ, too.
        epsilon: The ε of the ε-rule, which is added to a denominator with its sign. Linear layers, averages
            and the sums of residual connections go by that rule in every named composite, convolutions in
            ``epsilon``. So ``composite="epsilon", epsilon=0`` is LRP-0.
        gamma: The γ of the γ-rule: how much more than 1 the terms of the output's sign count. Linear layers
            of ``attn_lrp`` and ``cp_lrp`` have a fifth of it.
        low: The least value of a pixel in the model's input space, one number or one for each channel. It is
            read by ``epsilon_gamma_box`` only; ``preprocess`` sets it, on the command line the model's own.
        high: The greatest value of a pixel, as ``low``.
        bias: What becomes of the relevance that is a bias's share. ``absorb`` leaves it with the bias,
            ``ignore`` takes biases out of the sums, ``spread`` gives it to the inputs in equal parts.
        stabiliser: What is added, with their sign, to the denominators of the rules z⁺, αβ, γ and z^B.

    The other options set the named composites; the rules of a composite of your own have theirs. ``expected``
    is the score less the biases' share; what else the residual shows was taken by ε or sat on zeros, see
    ``explainer.report``.
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
        if isinstance(self.composite, Composite):
            options = self.options()
            for name in ("epsilon", "gamma", "bias", "stabiliser"):
                unset = getattr(self, name) == options[name].default
                expect(unset, name, "be given to the rules of your own `composite`", getattr(self, name))
        self.rules()

    def rules(self) -> Composite:
        if isinstance(self.composite, Composite):
            return self.composite
        settings = Settings(self.epsilon, self.gamma, self.low, self.high, self.bias, self.stabiliser)
        return named_composite(self.composite, settings)
