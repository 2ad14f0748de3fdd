"""What is distributed: dependencies as they are imported, and what a wheel and a citation say."""

import ast
import re
import sys
import tomllib
from importlib.metadata import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import pyxai

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = SETTINGS["project"]
IMPORTED_AS = {"pillow": "PIL", "PyWavelets": "pywt"}


def calls_need(tree: ast.AST) -> set[str]:
    """The packages that a file asks `pyxai.modules.need` for, or `hub.need`."""
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    named = (call for call in calls if getattr(call.func, "id", "") == "need")
    arguments = (call.args[0] for call in named)
    return {arg.value.partition(".")[0] for arg in arguments if isinstance(arg, ast.Constant)}


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.partition(".")[0])
    return found - {"pyxai"} - set(sys.stdlib_module_names)


def test_the_package_imports_its_dependencies_and_no_more():
    """What is optional is asked for by `need`, somewhere, so that its absence is one line."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "pyxai").rglob("*.py")]
    optional = set().union(*map(calls_need, trees))
    declared = [re.match(r"[\w-]+", entry)[0] for entry in PROJECT["dependencies"]]
    assert {IMPORTED_AS.get(name, name) for name in declared} == set().union(*map(imported, trees)) - optional
    assert {"timm", "torchvision", "transformers", "captum", "safetensors"} <= optional


def pinned() -> list[Requirement]:
    """What the extras name by its version."""
    named = [Requirement(entry) for extra in PROJECT["optional-dependencies"].values() for entry in extra]
    return [one for one in named if any(clause.operator == "==" for clause in one.specifier)]


def test_the_oldest_python_that_is_promised_has_all_that_is_pinned():
    """What is not pinned, pip finds an older release of. A marker is for what is not wanted there."""
    oldest = re.fullmatch(r">=(3\.\d+)", PROJECT["requires-python"])[1]
    wanted = [
        one for one in pinned() if one.marker is None or one.marker.evaluate({"python_version": oldest})
    ]
    needs = {one.name: metadata(one.name)["Requires-Python"] or "" for one in wanted}
    assert {name: need for name, need in needs.items() if oldest not in SpecifierSet(need)} == {}
    assert {"scipy", "xarray", "pandas", "torchvision"} <= set(needs)
    assert SETTINGS["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    assert f"need Python {oldest} or later" in (ROOT / "README.md").read_text()


def test_the_wheel_is_typed_and_cited_as_it_is():
    assert (ROOT / "pyxai" / "py.typed").exists() and "Typing :: Typed" in PROJECT["classifiers"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"version: {pyxai.__version__}\n" in citation
    assert f"license: {PROJECT['license']}\n" in citation
