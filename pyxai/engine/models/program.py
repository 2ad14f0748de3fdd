"""What the JSON of an exported model may say.

torch makes Python of nearly all of it: it looks operators up as attributes of ``torch``, evaluates sizes and
conditions, imports the types of containers, and writes names into the source of a function. So every text in
it, key or value, must be of a form that can be nothing else, by where it stands; all others are plain names.
"""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Callable
from typing import Any

import torch

from pyxai.engine.models.expressions import is_condition, is_size


class Refused(Exception):
    """Something that no model saved by ``torch.export.save`` says."""


_PLAIN = re.compile(r"[\w.@#+\- ]{0,1000}")
_TEXT = re.compile(r"[\w\s.,:;<>()+*/=-]{0,2000}")
_STACK = re.compile(r"[^\x00-\x1f\x7f'\"\\{}]{0,20000}")
_CONTAINER = re.compile(r"[A-Za-z_][\w.]*")
_OPERATOR = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed|torchvision|pyxai)\.(\w+)\.([A-Za-z]\w*)"
)
_HIGHER = {"wrap_with_set_grad_enabled", "wrap_with_autocast", "cond"}
_SYMBOLIC = {"sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum"}
_PYTHON = {
    *(
        "add",
        "and_",
        "eq",
        "floordiv",
        "ge",
        "getitem",
        "gt",
        "le",
        "lt",
        "mod",
        "mul",
        "ne",
        "neg",
        "not_",
        "or_",
    ),
    *("pos", "pow", "sub", "truediv"),
}
_MATH = {"ceil", "floor", "sqrt", "trunc"}
_FILES = {"from_file", "save"}  # of the operators, those that read or write a file
_DEPTH = 100


def checked_program(text: bytes) -> bytes:
    """The JSON of a program, without what only describes where its nodes come from.

    Raises:
        Refused: it holds what could be anything but a program.
    """
    program = json.loads(text)
    _check(program, "", 0)
    return json.dumps(program).encode()


def _check(value: Any, key: str, depth: int) -> None:
    """Every text in ``value``, which stands under ``key``."""
    if depth > _DEPTH:
        raise Refused("nested too deep")
    if isinstance(value, dict):
        if isinstance(described := value.get("metadata"), dict):
            stack = described.get("nn_module_stack")
            value["metadata"] = {} if stack is None else {"nn_module_stack": stack}
        for name, entry in value.items():
            if not _PLAIN.fullmatch(name) and not is_size(name):
                raise Refused(f"the name {name[:80]!r}")
            _check(entry, name, depth + 1)
    elif isinstance(value, list):
        for entry in value:
            _check(entry, key, depth + 1)
    elif isinstance(value, str) and not _RULES.get(key, _is_plain)(value):
        raise Refused(f"{key} {value[:80]!r}")


def _is_plain(text: str) -> bool:
    return bool(_PLAIN.fullmatch(text))


def _is_name(text: str) -> bool:
    """What stands as a name in the source that torch writes; "" where there is none."""
    return text == "" or (text.isascii() and text.isidentifier() and text not in keyword.kwlist)


def _is_operator(text: str) -> bool:
    if found := _OPERATOR.fullmatch(text):
        namespace, name, overload = found.groups()
        if name in _FILES or (name.startswith("__") and not name.endswith("__")):
            return False
        operator = getattr(getattr(getattr(torch.ops, namespace), name, None), overload, None)
        return isinstance(operator, type(torch.ops.aten.relu.default))
    place, _, name = text.rpartition(".")
    known = {"torch.ops.higher_order": _HIGHER, "torch": _SYMBOLIC, "_operator": _PYTHON, "math": _MATH}
    return name.removeprefix("_") in known.get(place, ()) or name in known.get(place, ())


def _is_container(text: str) -> bool:
    """The nesting of inputs or outputs: tuples, lists, dictionaries, and classes that were registered."""
    protocol, tree = json.loads(text)
    return protocol == 1 and _is_tree(tree, 0)


def _is_tree(tree: dict[str, Any], depth: int) -> bool:
    kind, context = tree["type"], tree["context"]
    return (
        depth < _DEPTH
        and set(tree) == {"type", "context", "children_spec"}
        and (kind is None or bool(_CONTAINER.fullmatch(kind)))
        and kind != "collections.defaultdict"  # imports what makes its values
        and (context is None or _is_context(json.loads(context), 0))
        and all(_is_tree(child, depth + 1) for child in tree["children_spec"])
    )


def _is_context(value: Any, depth: int) -> bool:
    """Keys of a dictionary, or names; ``__enum__`` is what imports a class."""
    if isinstance(value, str):
        return bool(_PLAIN.fullmatch(value)) and not value.startswith("__")
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return not isinstance(value, list) or (
        depth < _DEPTH and all(_is_context(entry, depth + 1) for entry in value)
    )


_RULES: dict[str, Callable[[str], bool]] = {
    "expr_str": is_size,
    "guards_code": is_condition,
    "target": _is_operator,
    "as_operator": _is_operator,
    "in_spec": _is_container,
    "out_spec": _is_container,
    "name": _is_name,
    "as_name": _is_name,
    "forward_arg_names": _is_name,
    "nn_module_stack": lambda text: bool(_STACK.fullmatch(text)),
    "as_string": lambda text: bool(_TEXT.fullmatch(text)),
    "as_strings": lambda text: bool(_TEXT.fullmatch(text)),
}
