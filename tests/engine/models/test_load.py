"""Model specifications: one table says how each kind is written and what loads it."""

import re

import pytest

from pyxai.engine import InputError
from pyxai.engine.models import load
from pyxai.engine.models.load import SCHEMES, load_model
from tests.engine.conftest import TINY


def test_the_table_of_the_documentation_and_the_error_message_list_the_schemes():
    forms = [scheme.form for scheme in SCHEMES]
    assert re.findall(r"^``(\S+)``  ", load.__doc__, re.M) == forms
    with pytest.raises(InputError) as caught:
        load_model("resnet")
    assert str(caught.value) == f"model 'resnet' is none of {', '.join(forms)}"


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda scheme: scheme.form)
def test_the_form_of_a_scheme_is_one_of_its_own(scheme):
    """Of all patterns that fit it, its own comes first."""
    assert next(other for other in SCHEMES if re.fullmatch(other.pattern, scheme.form)) is scheme


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("resnet", "is none of timm:NAME"),
        ("timm:", "is none of timm:NAME"),
        ("model.pt", "pickled model runs code when it is loaded"),
        ("missing.pt2", "no such file"),
        (f"{TINY}:net?pretrained=1", r"only weights=… is understood"),
        (f"{TINY}:net?weights=missing.npz", "no such weights file"),
        (f"{TINY}:net?weights=DEFAULT", "no such weights file"),
        ("hf:x/y?weights=none", "no such weights file"),
    ],
)
def test_specs_that_lead_nowhere(spec, message):
    with pytest.raises(InputError, match=message):
        load_model(spec)


def test_the_text_is_kept_and_the_model_evaluates():
    loaded = load_model(f"{TINY}:net")
    assert loaded.spec == f"{TINY}:net"
    assert not loaded.model.training
