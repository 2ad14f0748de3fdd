"""Composites: which rule a layer takes, by its name, its place and its kind."""

import math
from typing import get_args

import pytest

from pyxai.propagation import AlphaBeta, Composite, Epsilon, Flat, Gamma, Pass, WSquare, ZBox, ZPlus
from pyxai.propagation.lrp.composites import NamedComposite, Settings, fits, named_composite

SETTINGS = Settings(1e-5, 0.5, -2.0, 2.0, "ignore", 1e-4)
NAMES = get_args(NamedComposite)


def test_a_name_goes_before_a_place_and_a_place_before_a_kind():
    composite = Composite(ZPlus(), Epsilon(), first=Flat(), last=WSquare()).at("stem.*", Pass())
    assert composite.rule("convolution", "stem.conv", first=True) == Pass()
    assert composite.rule("convolution", "conv", first=True) == Flat()
    assert composite.rule("dense", "head", last=True) == WSquare()
    assert composite.rule("convolution", "conv") == ZPlus()
    assert composite.rule("dense", "fc") == Epsilon()
    assert composite.rule("average", "pool") == Epsilon()
    assert composite.rule("affine", "bn").gamma == math.inf
    assert composite.named_rule("conv") is None


def test_without_rules_for_places_the_kind_decides():
    plain = Composite(ZPlus(), Epsilon())
    assert plain.rule("convolution", "conv", first=True) == ZPlus()
    assert plain.rule("dense", "fc", last=True) == Epsilon()


def test_the_first_pattern_that_fits_counts():
    composite = Composite(ZPlus(), Epsilon()).at("a.*", Flat()).at("a.b", Pass())
    assert composite.named_rule("a.b") == Flat()
    assert Composite(ZPlus(), Epsilon()).named == ()  # `at` leaves its composite alone


@pytest.mark.parametrize(
    "pattern, module, fit",
    [
        ("layer1.*", "layer1.0.conv", True),
        ("conv?", "conv1", True),
        ("conv", "conv#2", True),
        ("conv#2", "conv#2", True),
        ("conv#2", "conv", False),
        ("Conv", "conv", False),
    ],
)
def test_patterns(pattern, module, fit):
    assert fits(pattern, module) is fit


CONVOLUTIONS = {
    "epsilon": Epsilon(epsilon=1e-5, bias="ignore"),
    "epsilon_plus": ZPlus(bias="ignore", stabiliser=1e-4),
    "epsilon_plus_flat": ZPlus(bias="ignore", stabiliser=1e-4),
    "epsilon_gamma_box": Gamma(gamma=0.5, bias="ignore", stabiliser=1e-4),
    "epsilon_alpha2_beta1": AlphaBeta(alpha=2, beta=1, bias="ignore", stabiliser=1e-4),
    "epsilon_alpha2_beta1_flat": AlphaBeta(alpha=2, beta=1, bias="ignore", stabiliser=1e-4),
    "preset_a": AlphaBeta(alpha=1, beta=0, bias="ignore", stabiliser=1e-4),
    "preset_b": AlphaBeta(alpha=2, beta=1, bias="ignore", stabiliser=1e-4),
    "attn_lrp": Gamma(gamma=0.5, bias="ignore", stabiliser=1e-4),
    "cp_lrp": Gamma(gamma=0.5, bias="ignore", stabiliser=1e-4),
}
DENSE = dict.fromkeys(("attn_lrp", "cp_lrp"), Gamma(gamma=0.1, bias="ignore", stabiliser=1e-4))


@pytest.mark.parametrize("name", NAMES)
def test_named_composites_are_made_from_the_settings(name):
    composite = named_composite(name, SETTINGS)
    assert composite.convolution == CONVOLUTIONS[name]
    plain = Epsilon(epsilon=1e-5, bias="ignore")
    assert composite.dense == DENSE.get(name, plain)
    assert composite.average == plain
    assert composite.product == ("signal" if name == "cp_lrp" else "equal")
    assert composite.stabiliser == 1e-5
    flat = Flat() if name.endswith("flat") else None
    box = ZBox(low=-2.0, high=2.0, stabiliser=1e-4)
    assert composite.first == (box if name == "epsilon_gamma_box" else flat)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Composite(ZPlus(), ZPlus(), sums="negative"), "`sums` must be one of 'all', 'positive'"),
        (lambda: Composite(ZPlus(), ZPlus(), product="half"), "`product` must be one of 'equal', 'signal'"),
        (lambda: Composite(ZPlus(), ZPlus(), stabiliser=-1.0), "`stabiliser` must be a number that is not"),
        (lambda: Settings(1e-6, -0.25, 0.0, 1.0, "absorb"), "`gamma` must be a number that is not negative"),
    ],
)
def test_impossible_composites_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_composites_print_their_rules():
    settings = Settings(1e-6, 0.25, -2.0, 2.0, "absorb")
    text = str(named_composite("epsilon_gamma_box", settings).at("layer4.*", Pass()))
    assert "convolution  Gamma(bias='absorb', gamma=0.25" in text
    assert "first        ZBox(low=-2.0, high=2.0" in text
    assert "layer4.*     Pass()" in text
