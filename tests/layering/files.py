"""Rules about which files there are, and how long they may be."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import PurePosixPath

from tests.layering.house import House
from tests.layering.package import NAME

# An operator's life. Tests and shared parts of other things may lie beside those of operators.
OPS = f"{NAME}/ops/{{}}.py"
OWN = ("csrc/kernels/{}.h", "csrc/cpu/{}.cpp", "csrc/cuda/{}.cu", "benchmarks/ops/{}.py")
TESTS = ("csrc/tests/test_{}.cpp", "tests/ops/test_{}.py")

LONGEST = 400  # lines of a file
LARGEST = 0.15  # of the lines of the package, in one folder without its subfolders


def ops_have_one_stem(house: House) -> Iterator[str]:
    """Each operator has a file of its name in every place, and those places hold nothing else."""
    stems = _stems(house, OPS)
    for stem in sorted(stems):
        for form in (*OWN, *TESTS):
            if not (house.root / form.format(stem)).is_file():
                yield f"{OPS.format(stem)}:1: the operator {stem} lacks {form.format(stem)}"
    for form in OWN:
        for stem in sorted(_stems(house, form) - stems):
            yield f"{form.format(stem)}:1: belongs to no operator, there is no {OPS.format(stem)}"
    for stem in sorted(stems):
        file = OPS.format(stem)
        for name, line in _defined(house.package.trees[file]):
            if name.removesuffix("_") != stem:
                yield f"{file}:{line}: defines the operator {name}, whose place is a file of its name"


def _stems(house: House, form: str) -> set[str]:
    files = (house.root / form).parent.glob(form.rpartition("/")[2].format("*"))
    return {path.stem for path in files if not path.name.startswith("_")}


def _defined(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Name and line of every operator that a file defines: what ``define`` is given, as a text or by name."""
    texts = {
        target.id: statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "define":
            schema = node.args[0]
            text = getattr(schema, "value", None) or texts.get(getattr(schema, "id", ""), "")
            if isinstance(text, str) and "(" in text:
                yield text.partition("(")[0], node.lineno


def sources_have_tests(house: House) -> Iterator[str]:
    """Each file of the package has a test at the same place: ``a/b.py`` and ``a/_b.py`` ``a/test_b.py``."""
    waiting = house.plan.section("missing_tests").get("files", [])
    lacking = set()
    for file in house.package.trees:
        path = PurePosixPath(file).relative_to(NAME)
        if path.stem.startswith("__"):
            continue
        test = (PurePosixPath("tests") / path.parent / f"test_{path.stem.lstrip('_')}.py").as_posix()
        if not (house.root / test).is_file():
            lacking.add(str(path))
            if str(path) not in waiting:
                yield f"{file}:1: lacks its test {test}"
    place = house.plan.place("missing_tests", "files")
    for name in waiting:
        if name not in lacking:
            yield f"{place}: {name} is no file that lacks its test, strike it off"


def sizes_are_small(house: House) -> Iterator[str]:
    """No file is long, and no folder holds much of the package."""
    folders = defaultdict(int)
    for file in house.package.trees:
        lines = len((house.root / file).read_text().splitlines())
        folders[file.rpartition("/")[0]] += lines
        if lines > LONGEST:
            yield f"{file}:{LONGEST + 1}: has {lines} lines, more than {LONGEST}"
    total = sum(folders.values())
    for folder, lines in folders.items():
        if lines > LARGEST * total:
            yield f"{folder}/: holds {lines / total:.0%} of the package, more than {LARGEST:.0%}"
