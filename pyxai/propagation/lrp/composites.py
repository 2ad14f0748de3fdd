"""Composites: which rule each layer takes, by its kind, its position and its name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from pyxai.checks import non_negative, one_of
from pyxai.propagation.lrp.input_rules import Flat, ZBox
from pyxai.propagation.lrp.rules import (
    STABILISER,
    AlphaBeta,
    Bias,
    Epsilon,
    Gamma,
    LinearRule,
    ZPlus,
)


@dataclass(frozen=True)
class Composite:
    """Rules by kind of layer, with exceptions.

    Attributes:
        convolution: for convolutions.
        dense: for linear layers.
        affine: for BatchNorm that is not folded into one of these. Each of its sums has one term and the
            shift; the default gives the term what it has of the sum's sign, so that nothing is amplified.
        average: for average pools, means and interpolations.
        first: for the convolutions and linear layers that see the image through scales, shifts, flips and
            crops only; these then pass relevance on. None leaves them to their kind.
        last: for the linear layer or convolution whose value is the score. None leaves it to its kind.
        named: (pattern, rule) by the name of the module that makes the call, with ``*`` and ``?`` as in file
            names; the first that fits goes before everything else. ``name#2`` is the second call of a module.
        stabiliser: of the sums of a residual connection, R_i = a_i R / (Σ a + ε sign Σ a).
        sums: which addends have a share in them, ``all`` or the ``positive``, R_i = a_i⁺ R / Σ a⁺.
        product: how a product of two values that depend on the image is split; see :class:`Product`.
    """

    convolution: LinearRule
    dense: LinearRule
    affine: LinearRule = Gamma(gamma=math.inf)  # noqa: RUF009
    average: LinearRule = Epsilon()  # noqa: RUF009  frozen
    first: LinearRule | None = None
    last: LinearRule | None = None
    named: tuple[tuple[str, LinearRule], ...] = ()
    stabiliser: float = STABILISER
    sums: Literal["all", "positive"] = "all"
    product: Literal["equal", "signal"] = "equal"

    def __post_init__(self):
        non_negative("stabiliser", self.stabiliser)
        one_of("sums", self.sums, ("all", "positive"))
        one_of("product", self.product, ("equal", "signal"))

    def at(self, pattern: str, rule: LinearRule) -> Composite:
        """This composite with ``rule`` for the modules that ``pattern`` fits."""
        return dataclasses.replace(self, named=(*self.named, (pattern, rule)))

    def rule(self, kind: str, module: str, first: bool = False, last: bool = False) -> LinearRule:
        """The rule of a layer of this kind (``convolution``, ``dense``, ``affine`` or ``average``)."""
        named = self.named_rule(module)
        if named is not None:
            return named
        if first and self.first is not None:
            return self.first
        if last and self.last is not None:
            return self.last
        return getattr(self, kind)

    def named_rule(self, module: str) -> LinearRule | None:
        """The rule given to this module by name."""
        return next((rule for pattern, rule in self.named if fits(pattern, module)), None)

    def __str__(self) -> str:
        rules = [
            f"{field.name:12} {value}"
            for field in dataclasses.fields(self)
            if field.name not in ("named", "stabiliser", "sums", "product")
            and (value := getattr(self, field.name)) is not None
        ]
        named = [f"{pattern:12} {rule}" for pattern, rule in self.named]
        return "\n".join(
            [
                *rules,
                *named,
                f"{'sums':12} {self.sums}, stabiliser={self.stabiliser}",
                f"{'products':12} {self.product}",
            ]
        )


def fits(pattern: str, module: str) -> bool:
    """Whether a pattern means a module's call: ``name#2``, the second one of ``name``, or all of ``name``."""
    return fnmatchcase(module, pattern) or fnmatchcase(module.partition("#")[0], pattern)


@dataclass(frozen=True)
class Settings:
    """What the named composites are made from; the options of `lrp` of the same names.

    ``epsilon`` is that of every denominator that is a plain sum: of linear layers, averages, sums of values.
    """

    epsilon: float
    gamma: float
    low: float | tuple
    high: float | tuple
    bias: Bias
    stabiliser: float = STABILISER

    def __post_init__(self):
        for name in ("epsilon", "gamma", "stabiliser"):
            non_negative(name, getattr(self, name))

    def plain(self) -> Epsilon:
        return Epsilon(epsilon=self.epsilon, bias=self.bias)

    def composite(
        self, convolution: LinearRule, first: LinearRule | None = None, affine: LinearRule | None = None
    ) -> Composite:
        return Composite(
            convolution,
            self.plain(),
            affine or self.amplify(math.inf),
            self.plain(),
            first,
            stabiliser=self.epsilon,
        )

    def tokens(self, product: Literal["equal", "signal"]) -> Composite:
        """γ for convolutions and a fifth of it for linear layers; products as in AttnLRP or CP-LRP."""
        dense = self.amplify(self.gamma / 5)
        composite = self.composite(self.amplify(self.gamma))
        return dataclasses.replace(composite, dense=dense, product=product)

    def amplify(self, gamma: float) -> Gamma:
        return Gamma(gamma=gamma, bias=self.bias, stabiliser=self.stabiliser)

    def z_plus(self) -> ZPlus:
        return ZPlus(bias=self.bias, stabiliser=self.stabiliser)

    def alpha_beta(self, alpha: float) -> AlphaBeta:
        return AlphaBeta(alpha=alpha, beta=alpha - 1, bias=self.bias, stabiliser=self.stabiliser)

    def box(self) -> ZBox:
        return ZBox(low=self.low, high=self.high, stabiliser=self.stabiliser)


NamedComposite = Literal[
    "epsilon",
    "epsilon_plus",
    "epsilon_plus_flat",
    "epsilon_gamma_box",
    "epsilon_alpha2_beta1",
    "epsilon_alpha2_beta1_flat",
    "preset_a",
    "preset_b",
    "attn_lrp",
    "cp_lrp",
]
_MADE: dict[NamedComposite, Callable[[Settings], Composite]] = {
    "epsilon": lambda s: s.composite(s.plain(), affine=s.plain()),
    "epsilon_plus": lambda s: s.composite(s.z_plus()),
    "epsilon_plus_flat": lambda s: s.composite(s.z_plus(), Flat()),
    "epsilon_gamma_box": lambda s: s.composite(s.amplify(s.gamma), s.box(), s.amplify(s.gamma)),
    "epsilon_alpha2_beta1": lambda s: s.composite(s.alpha_beta(2.0)),
    "epsilon_alpha2_beta1_flat": lambda s: s.composite(s.alpha_beta(2.0), Flat()),
    "preset_a": lambda s: s.composite(s.alpha_beta(1.0)),
    "preset_b": lambda s: s.composite(s.alpha_beta(2.0)),
    "attn_lrp": lambda s: s.tokens("equal"),
    "cp_lrp": lambda s: s.tokens("signal"),
}


def named_composite(name: NamedComposite, settings: Settings) -> Composite:
    """The composite called ``name``."""
    return _MADE[name](settings)
