"""Texts that torch would evaluate: sizes and conditions are let through, and nothing else."""

import pytest

from pyxai.engine.models.expressions import LENGTH, is_condition, is_size

SYMBOL = "Symbol('s77', positive=True, integer=True)"


@pytest.mark.parametrize(
    "text",
    ["s0", "u12", "s0 + 1", "4*s0 // 2 % 3", "-s0", "Eq(s0, 3)", "true", SYMBOL, f"Pow({SYMBOL}, Integer(2))",
     f"FloorDiv({SYMBOL}, Integer(2))", f"Max(Integer(4), {SYMBOL})", f"Mul(Integer(-1), {SYMBOL})",
     f"Pow({SYMBOL}, Rational(1, 2))", "Float('0.5', precision=53)", f"And(Ge({SYMBOL}, Integer(2)), true)",
     f"Piecewise(({SYMBOL}, Ge({SYMBOL}, Integer(2))), (Integer(1), true))"],
)  # fmt: skip
def test_sizes(text):
    assert is_size(text)


RUNS = (
    "__import__('os').system('x')", "print(1)", "eval(s0)", "lambda: 1", "[1 for x in s0]", "s0.__class__",
    "f'{s0}'", "(s0 := 3)", "s0\n+ 1", "s0  # comment", "'a' * 3", "1; print(1)", "open('x')", "s0[0]",
     "{s0}",
    "*s0", "await s0", "s0 if s0 else 1",
)  # fmt: skip


@pytest.mark.parametrize("text", RUNS)
def test_code(text):
    assert not is_size(text)
    assert not is_condition(text)


@pytest.mark.parametrize(
    "text",
    [f"(__import__('pathlib').Path('x').touch(), {SYMBOL})[1]", "Symbol('__import__(1)')",
     "Symbol('s0', cls=1)",
     "Symbol(s0)", "Symbol('s0').func", "Max('print(1)', 1)", "Integer('print(1)')", "Float('print(1)')",
     "Max(s0, key=print)", "N(s0)", "sympify('1')", "Symbol('s0', real=print)", "x", "print", "s0 + x", ""],
)  # fmt: skip
def test_texts_that_sympy_would_evaluate(text):
    assert not is_size(text)


@pytest.mark.parametrize(
    "text",
    ["Pow(Integer(10), Integer(99))", "9**9**9", "Pow(s0, Pow(Integer(9), Integer(99)))", "10**100", "1e999",
     "Pow(s0, Integer(1000000))", "LShift(Integer(1), Integer(99))", "1" * 30, "s0+" * LENGTH + "s0",
     "(" * 500 + "s0" + ")" * 500 + "[" * 999],
)  # fmt: skip
def test_what_would_take_for_ever(text):
    assert not is_size(text)


@pytest.mark.parametrize(
    "text",
    ["(L['x'].size()[0] % 2) == 0", "(2*(L['x'].size()[0] // 2)) == L['x'].size()[0]",
     "L['x'].storage_offset() == 0",
     "L['args'][0].size()[1] <= 5 and 3 < L['x'].numel()", "max(L['x'].size()[0], 3) == 3"],
)  # fmt: skip
def test_conditions(text):
    assert is_condition(text)


@pytest.mark.parametrize(
    "text",
    ["L['x'].__class__", "L['x'].size(print())[0]", "M['x'].size()[0] == 1", "L['x'].tolist()",
     "L[x].size()[0] == 1",
     "L['x\"'].size()[0] == 1", "L[\"x') or print(1)\"].size()[0] == 1", "L['x'].size()['a']",
     "L['x'].size()[0:1]",
     "1)\n  print(1", "Symbol('s0') == 1", "L['x'].size()[L['x'].item()] == 1"],
)  # fmt: skip
def test_what_is_no_condition(text):
    assert not is_condition(text)
