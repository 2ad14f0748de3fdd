"""One operator, one stem: everything about it lies in files of its name, and beside them are no others."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from pyxai.ops._define import registry

ROOT = Path(__file__).resolve().parents[2]


def stem_of(name: str) -> str:
    """An operator in place is at home where the one of its name is that is not."""
    return name.removesuffix("_")


STEMS = {stem_of(name) for name in registry}


def files(folder: str) -> list[Path]:
    """Those that do not say by an underscore that they are no operator's."""
    return [path for path in (ROOT / folder).iterdir() if path.is_file() and path.name[0] not in "_."]


def schemas(path: Path) -> list[str]:
    """What a file of pyxai/ops calls `define` with."""
    module = importlib.import_module(f"pyxai.ops.{path.stem}")
    return [
        getattr(module, node.args[0].id)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "define"
    ]


@pytest.mark.parametrize(
    ("folder", "form"),
    [
        ("pyxai/ops", "{}.py"),
        ("csrc/kernels", "{}.h"),
        ("csrc/cpu", "{}.cpp"),
        ("csrc/cuda", "{}.cu"),
        ("benchmarks/ops", "{}.py"),
    ],
)
def test_one_file_for_each_operator(folder, form):
    assert {path.name for path in files(folder)} == {form.format(stem) for stem in STEMS}


def test_python_tests_of_each_operator():
    tests = {path.name for path in files("tests/ops") if path.name.startswith("test_")}
    shared = {f"test{path.name}" for path in (ROOT / "pyxai/ops").glob("_[a-z]*.py")}
    assert tests == {f"test_{stem}.py" for stem in STEMS} | shared | {"test_all_ops.py", "test_stems.py"}


def test_plain_tests_of_each_kernel():
    """Others test what kernels share and what is no operator."""
    assert {path.name for path in files("csrc/tests")} >= {f"test_{stem}.cpp" for stem in STEMS}


def check_homes(names: dict[str, list[str]]) -> None:
    """Every operator is named in the file of its stem, and in no other. ``names`` are those in each file."""
    assert sorted(name for found in names.values() for name in found) == sorted(registry)
    for stem, found in names.items():
        assert {stem_of(name) for name in found} == {stem}


def test_an_operator_is_defined_where_its_name_says():
    check_homes(
        {path.stem: [schema.partition("(")[0] for schema in schemas(path)] for path in files("pyxai/ops")}
    )


@pytest.mark.parametrize("folder", ["csrc/cpu", "csrc/cuda"])
def test_an_operator_is_registered_where_its_name_says(folder):
    check_homes(
        {path.stem: re.findall(r'library\.impl\("(\w+)"', path.read_text()) for path in files(folder)}
    )


@pytest.mark.parametrize("folder", ["csrc/cpu", "csrc/cuda"])
def test_loops_and_grids_are_around_their_own_kernel(folder):
    for path in files(folder):
        assert f'#include "kernels/{path.stem}.h"' in path.read_text(), path.name
