"""The Python files of the package under a root folder, and the files that its dotted names lead to."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

NAME = "pyxai"
COMPILED = f"{NAME}._C"  # has no Python file; it goes by the name of the file it would have


@dataclass(frozen=True)
class Found:
    """What a dotted name stands for.

    Attributes:
        files: the files that the name leads through; the last one defines it. The package's own
            ``__init__.py`` is left out where it only passes a name on, because it does so lazily.
        module: the dotted name of the module that it is, None for what is defined in one.
    """

    files: tuple[str, ...]
    module: str | None = None


class Package:
    """The package under ``root``. Files are named by their path from there, as ``pyxai/checks.py``."""

    def __init__(self, root: Path):
        self.root = root

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """The syntax tree of every file."""
        paths = sorted((self.root / NAME).rglob("*.py"))
        names = [path.relative_to(self.root).as_posix() for path in paths]
        return {name: ast.parse(path.read_text(), name) for name, path in zip(names, paths, strict=True)}

    def file(self, module: str) -> str | None:
        """The file of a module, None where there is no such module."""
        place = module.replace(".", "/")
        if module == COMPILED:
            return f"{place}.py"
        return next((name for name in (f"{place}.py", f"{place}/__init__.py") if name in self.trees), None)

    def find(self, module: str, names: Iterable[str]) -> Found | None:
        """What ``module.name.name…`` stands for, as far as its parts are modules; None for nothing."""
        file = self.file(module)
        if file is None:
            return None
        found = Found(() if module == NAME else (file,), module)
        for name in names:
            if found.module is None:
                break  # an attribute of a class or a function
            inner = self._inside(found.module, name)
            if inner is None:
                return None
            passed = () if inner.module == f"{found.module}.{name}" else found.files
            found = Found((*passed, *inner.files), inner.module)
        return found

    def _inside(self, module: str, name: str) -> Found | None:
        file = self.file(module)
        bound = self._bound.get(file, {}).get(name)
        if bound is not None and bound != (module, (name,)):
            return self.find(*bound) if bound[0] else Found(() if module == NAME else (file,))
        if module == COMPILED:
            return Found((file,))
        for neighbour in self._given_out(file):
            if name in self._offered[neighbour]:
                return Found((neighbour,))
        inner = self.file(f"{module}.{name}")
        return Found((inner,), f"{module}.{name}") if inner else None

    def _given_out(self, file: str) -> list[str]:
        """The files beside an ``__init__.py``: one that finds its files by itself gives out their names."""
        folder, _, name = file.rpartition("/")
        named = (getattr(node, "attr", "") for node in ast.walk(self.trees[file]))
        if name != "__init__.py" or "iter_modules" not in named:
            return []
        return [other for other in self.trees if other != file and other.rpartition("/")[0] == folder]

    @cached_property
    def _bound(self) -> dict[str, dict[str, tuple[str, tuple[str, ...]]]]:
        """The names of every file: the module and the names in it that each was imported as, or ("", ())."""
        return {file: dict(_bindings(tree.body)) for file, tree in self.trees.items()}

    @cached_property
    def _offered(self) -> dict[str, set[str]]:
        """What every file lists in ``__all__``."""
        return {
            file: {
                str(name.value)
                for statement in tree.body
                if isinstance(statement, ast.Assign) and "__all__" in map(ast.unparse, statement.targets)
                for name in ast.walk(statement.value)
                if isinstance(name, ast.Constant)
            }
            for file, tree in self.trees.items()
        }


def _bindings(body: list[ast.stmt | ast.ExceptHandler]) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    """The names that the statements of a module bind, those below ``if`` and ``try`` too."""
    for statement in body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield statement.name, ("", ())
            continue
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield from _imported(statement)
            continue
        if not hasattr(statement, "body"):
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id, ("", ())
        for part in ("body", "handlers", "orelse", "finalbody"):
            yield from _bindings(getattr(statement, part, []))


def _imported(statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, tuple[str, tuple[str, ...]]]]:
    for alias in statement.names:
        name = alias.asname or alias.name.partition(".")[0]
        if isinstance(statement, ast.ImportFrom):
            module, names = statement.module or "", (alias.name,)
        else:
            module, names = alias.name if alias.asname else name, ()
        yield name, (module, names) if module.partition(".")[0] == NAME else ("", ())
