"""What every file takes from the package: by imports wherever they stand, by attributes and by text."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from tests.layering.package import NAME, Found, Package

# Functions that import what a text names: with a text that stands there they are imports like any other.
IMPORTERS = {"import_module", "__import__", "import_named", "exec_module", "run_module", "run_path"}


@dataclass(frozen=True)
class Use:
    """One place where a file takes something from the package.

    Attributes:
        file, line: where it stands.
        name: what is taken, in full: ``pyxai.methods.Method``.
        found: what it stands for; None where it stands for nothing.
    """

    file: str
    line: int
    name: str
    found: Found | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def uses(package: Package) -> list[Use]:
    """Every use of the package in the package, by file and line."""
    return [use for file, tree in package.trees.items() for use in _Reader(package, file, tree).uses()]


def by_text(package: Package) -> Iterator[tuple[str, int]]:
    """File and line of every import of what only a run can tell."""
    for file, tree in package.trees.items():
        called = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                if any(alias.name in IMPORTERS and alias.asname for alias in node.names):
                    yield file, node.lineno
            elif _named(node) in IMPORTERS and not (id(node) in called and _text(called[id(node)])):
                yield file, node.lineno


class _Reader:
    """Reads one file; ``names`` are the modules of the package that its names stand for."""

    def __init__(self, package: Package, file: str, tree: ast.Module):
        self.package, self.file, self.tree = package, file, tree
        self.names: dict[str, str] = {}

    def uses(self) -> list[Use]:
        nodes = list(ast.walk(self.tree))
        found = [use for node in nodes for use in self._imports(node)]
        inner = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        found += [use for node in nodes if id(node) not in inner for use in self._attributes(node)]
        return sorted(dict.fromkeys(found), key=lambda use: use.line)

    def _imports(self, node: ast.AST) -> Iterator[Use]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.partition(".")[0] == NAME:
                    yield self._use(node, alias.name)
                    self.names[alias.asname or NAME] = alias.name if alias.asname else NAME
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield Use(self.file, node.lineno, "." * node.level + (node.module or ""), None)
            elif node.module.partition(".")[0] == NAME:
                for alias in node.names:
                    use = self._use(node, node.module, alias.name)
                    if use.found and use.found.module:
                        self.names[alias.asname or alias.name] = use.found.module
                    yield use
        elif isinstance(node, ast.Call) and _named(node.func) in IMPORTERS:
            text = _text(node)
            if text.partition(".")[0] == NAME:
                yield self._use(node, text)

    def _attributes(self, node: ast.AST) -> Iterator[Use]:
        names: list[str] = []
        line = node
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if names and isinstance(node, ast.Name) and node.id in self.names:
            yield self._use(line, self.names[node.id], *names)

    def _use(self, node: ast.AST, module: str, *names: str) -> Use:
        name = ".".join((module, *names))
        return Use(self.file, node.lineno, name, self.package.find(module, names))


def _named(node: ast.AST) -> str:
    """The last name of ``a``, ``b.a``."""
    return getattr(node, "id", None) or getattr(node, "attr", None) or ""


def _text(call: ast.Call) -> str:
    """The module that a call names by a text that stands there, empty if none does."""
    first = call.args[0] if call.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    return "" if text.startswith(".") else text
