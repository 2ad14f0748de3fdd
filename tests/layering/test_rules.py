"""What breaks no rule is found to break none."""

import pytest

from tests.layering.rules import RULES


@pytest.mark.parametrize("rule", RULES)
def test_the_small_house_breaks_no_rule(planted, rule, monkeypatch):
    monkeypatch.setattr("tests.layering.files.LARGEST", 1.0)  # it has few folders
    assert planted.faults(rule) == []
