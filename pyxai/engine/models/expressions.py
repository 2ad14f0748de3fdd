"""The expressions over sizes that an exported model carries as text, of which torch makes Python code.

torch reads the sizes of tensors with sympy, which evaluates them, and writes the conditions on its inputs
into a function. So only what such expressions are made of is let through: numbers, symbols of sizes,
arithmetic, comparisons, and calls of the functions that torch itself writes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

LENGTH = 4000
"""Characters of one expression, at most; those of real models have tens."""

_SYMBOL = re.compile(r"[a-z]{1,2}\d{1,6}")  # s77, u0, zuf3
_INTEGER = 2**64
_FUNCTIONS = {
    "Abs", "Add", "And", "CeilDiv", "CeilToInt", "CleanDiv", "Eq", "Equality", "Float", "FloatPow",
    "FloatTrueDiv", "FloorDiv", "FloorToInt", "Ge", "GreaterThan", "Gt", "Identity", "IntTrueDiv",
    "Integer", "IsNonOverlappingAndDenseIndicator", "LShift", "Le", "LessThan", "Lt", "Max", "Min", "Mod",
    "ModularIndexing", "Mul", "Ne", "Not", "Or", "Piecewise", "Pow", "PowByNatural", "PythonMod",
    "RShift", "Rational", "RoundDecimal", "RoundToInt", "StrictGreaterThan", "StrictLessThan", "Symbol",
    "ToFloat", "TruncToFloat", "TruncToInt", "Unequality", "Where", "max", "min",
}  # fmt: skip
_POWERS = frozenset({"Pow", "PowByNatural", "FloatPow", "LShift"})
_NAMES = frozenset({"true", "false", "oo", "int_oo", "inf"})
_ASSUMPTIONS = frozenset({"positive", "integer", "nonnegative", "real", "finite", "zero", "negative"})
_METHODS = frozenset({"size", "stride", "storage_offset", "dim", "numel"})
_OPERATORS = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.USub, ast.UAdd, ast.Not, ast.And, ast.Or,
    ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE,
)  # fmt: skip


def is_size(text: str) -> bool:
    """Whether ``text`` is an expression over sizes and nothing else."""
    return _reads(text, _is_size)


def is_condition(text: str) -> bool:
    """Whether ``text`` is a condition on the sizes of inputs, as in ``L['x'].size()[0] % 2 == 0``."""
    return _reads(text, _is_condition)


def _reads(text: str, fits: Callable[[ast.expr], bool]) -> bool:
    if len(text) > LENGTH or not text.isascii() or not text.isprintable() or "#" in text:
        return False
    try:
        return fits(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _is_size(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _NAMES or bool(_SYMBOL.fullmatch(node.id))
    if isinstance(node, ast.Call):
        return _is_call(node)
    return _is_arithmetic(node, _is_size)


def _is_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Call):
        call = node.value  # L['x'].size()[0]
        method = call.func
        return (
            isinstance(method, ast.Attribute)
            and method.attr in _METHODS
            and not (call.args or call.keywords)
            and _is_input(method.value)
            and _is_number(node.slice)
        )
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        plain = not (node.args or node.keywords)
        return plain and node.func.attr in _METHODS and _is_input(node.func.value)
    if isinstance(node, ast.Call):
        return (
            isinstance(node.func, ast.Name)
            and node.func.id in _FUNCTIONS - _POWERS - {"Symbol", "Piecewise"}
            and not node.keywords
            and all(map(_is_condition, node.args))
        )
    return _is_arithmetic(node, _is_condition)


def _is_input(node: ast.expr) -> bool:
    """``L['images'][0]``."""
    while isinstance(node, ast.Subscript):
        key = node.slice
        name = isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value.isidentifier()
        if not (name or _is_number(key)):
            return False
        node = node.value
    return isinstance(node, ast.Name) and node.id == "L"


def _is_arithmetic(node: ast.expr, inner: Callable[[ast.expr], bool]) -> bool:
    """A number, or an operation whose operands are all ``inner``."""
    if isinstance(node, ast.Constant):
        return _is_number(node)
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, _OPERATORS) and inner(node.left) and inner(node.right)
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, _OPERATORS) and inner(node.operand)
    if isinstance(node, ast.BoolOp):
        return all(map(inner, node.values))
    if isinstance(node, ast.Compare):
        known = all(isinstance(op, _OPERATORS) for op in node.ops)
        return known and inner(node.left) and all(map(inner, node.comparators))
    return isinstance(node, ast.Tuple) and all(map(inner, node.elts))  # the pairs of a Piecewise


def _is_number(node: ast.expr) -> bool:
    if not isinstance(node, ast.Constant):
        return False
    value = node.value
    return isinstance(value, bool) or (isinstance(value, int | float) and abs(value) <= _INTEGER)


def _is_call(node: ast.Call) -> bool:
    name = getattr(node.func, "id", None)  # an attribute of anything has none
    if name == "Symbol":
        return _is_symbol(node)
    if name == "Float":  # Float('0.5', precision=53)
        text, *rest = node.args or [None]
        shown = isinstance(text, ast.Constant) and re.fullmatch(
            r"-?[\d.]{1,40}(e[-+]?\d{1,3})?", str(text.value)
        )
        return bool(shown) and not rest and all(_is_number(word.value) for word in node.keywords)
    if name not in _FUNCTIONS or node.keywords or not all(map(_is_size, node.args)):
        return False
    # A power of numbers would be worked out, however large; one of a symbol stays what it is.
    return name not in _POWERS or (
        len(node.args) == 2 and _has_symbol(node.args[0]) and _is_exponent(node.args[1])
    )


def _is_symbol(node: ast.Call) -> bool:
    named = len(node.args) == 1 and isinstance(node.args[0], ast.Constant)
    return (
        named
        and isinstance(node.args[0].value, str)
        and bool(_SYMBOL.fullmatch(node.args[0].value))
        and all(
            word.arg in _ASSUMPTIONS
            and isinstance(word.value, ast.Constant)
            and isinstance(word.value.value, bool)
            for word in node.keywords
        )
    )


def _is_exponent(node: ast.expr) -> bool:
    """A number below 100, or a fraction of such, worked out without powers."""
    parts = list(ast.walk(node))
    numbers = [part.value for part in parts if isinstance(part, ast.Constant)]
    small = all(isinstance(number, int | float) and abs(number) < 100 for number in numbers)
    return small and not _has_symbol(node) and not any(getattr(part, "id", "") in _POWERS for part in parts)


def _has_symbol(node: ast.expr) -> bool:
    named = [getattr(part, "id", "") for part in ast.walk(node)]
    return any(name == "Symbol" or _SYMBOL.fullmatch(name) for name in named)
