"""The mutation tests' own tests, on a made-up package."""

import json
import random
from pathlib import Path

import pytest

from tools import mutants

SHAPES = '''"""Areas, of 2 sorts."""

from __future__ import annotations

LEGS: dict[str, int] = {}


def area(width: float, height: float = 3) -> float:
    """At least 0."""
    if width < 0:
        raise ValueError(f"no {width + 1}")
    return width * height


class Box:
    def volume(self, depth):
        self.told = depth
        self.told += 1
        return area(2) * (
            depth  # deep
        )
'''
TESTS = """
from pyxai.solids.shapes import Box, area

def test_area():
    assert area(2, 4) == 8
"""


@pytest.fixture(autouse=True)
def _light(monkeypatch):
    """The plugins that pytest finds installed take longer to import than these tests to run."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_PLUGINS", "xdist.plugin")


def checkout(folder: Path, file: str = "pyxai/solids/shapes.py", source: str = SHAPES) -> Path:
    """One file of the package and its test."""
    for name, text in ((file, source), ("tests/solids/test_shapes.py", TESTS)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def changes(root: Path) -> set[tuple[int, str, str]]:
    return {(mutant.line, mutant.operator, mutant.after.strip()) for mutant in mutants.mutants(root)}


def chosen(root: Path, line: int, operator: str) -> mutants.Mutant:
    return next(
        mutant for mutant in mutants.mutants(root) if (mutant.line, mutant.operator) == (line, operator)
    )


def plan(folder: Path, wanted: list[mutants.Mutant], whole: bool = False) -> Path:
    """A file for `--again`."""
    rows = [{**vars(mutant), "whole": whole, "outcome": "caught"} for mutant in wanted]
    (folder / "plan.json").write_text(json.dumps({"mutants": rows}))
    return folder / "plan.json"


def test_every_change_of_a_file(tmp_path):
    """Texts, annotations and the comments between two sides are left alone."""
    assert changes(checkout(tmp_path)) == {
        (8, "number", "def area(width: float, height: float = 4) -> float:"),
        (8, "number", "def area(width: float, height: float = 2) -> float:"),
        (10, "negated condition", "if not (width < 0):"),
        (10, "comparison", "if width <= 0:"),
        (10, "comparison", "if width >= 0:"),
        (10, "number", "if width < 1:"),
        (10, "number", "if width < -1:"),
        (11, "deleted statement", "pass"),
        (12, "dropped return value", "return None"),
        (12, "arithmetic", "return width / height"),
        (18, "arithmetic", "self.told -= 1"),
        (18, "deleted statement", "pass"),
        (18, "number", "self.told += 2"),
        (18, "number", "self.told += 0"),
        (19, "dropped return value", "return None"),
        (19, "number", "return area(3) * ("),
        (19, "number", "return area(1) * ("),
        (19, "arithmetic", "return area(2) / ("),
    }


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x[1:-2]", {"x[0:-2]", "x[2:-2]", "x[1:-1]", "x[1:-3]"}),
        ("ärger if not x else -y", {"ärger if x else -y", "ärger if not x else y"}),
        ("a is not b or c", {"a is b or c", "a is not b and c"}),
        ("isinstance(a, int | None) and True", {"isinstance(a, int | None) or True"}),
        ("torch.minimum(a)", {"torch.maximum(a)", "pass"}),
        ('f"{x + 1}" + "a" * n', {'f"{x + 1}" + "a" * n'}),
        ("[a for a in b if a]", {"[a for a in b if not (a)]"}),
    ],
)
def test_operators(tmp_path, before, after):
    """Columns are counted in bytes, and unions of types and texts are no arithmetic."""
    found = {after for _, _, after in changes(checkout(tmp_path, source=before + "\n"))}
    assert found - {"isinstance(a, int | None) and False"} == after - {before}


def test_all_mutants_of_the_package_fit_their_files():
    """A hundredth of them: it applies, and is another program."""
    for mutant in mutants.mutants(mutants.ROOT)[::100]:
        source = (mutants.ROOT / mutant.file).read_text()
        mutated = mutant.apply(source)
        assert mutated != source
        compile(mutated, mutant.file, "exec", dont_inherit=True)


def test_a_seed_draws_the_same_lines(tmp_path):
    root = checkout(tmp_path)
    first, same, other = (mutants.draw(root, random.Random(seed), 5) for seed in (0, 0, 1))
    assert first == same
    assert first != other
    assert len({mutant.line for mutant in first}) == 5


def test_outcomes(tmp_path, capsys):
    """One that the test catches and one that it does not, the checkout as it was, and again after a move."""
    root = checkout(tmp_path / "before")
    file = plan(tmp_path, [chosen(root, 12, "arithmetic"), chosen(root, 18, "deleted statement")])
    moved = checkout(
        tmp_path / "after",
        "pyxai/solids/flat/figures.py",
        SHAPES.replace("class Box", "def added():\n    return 0\n\n\nclass Box").replace(
            "self.told += 1", ""
        ),
    )
    (moved / "pyxai/solids/shapes.py").write_text("from pyxai.solids.flat.figures import *\n")
    report = tmp_path / "report.json"
    for tree, outcomes in ((root, ["caught", "survived"]), (moved, ["gone", "caught"])):
        mutants.main(["--root", str(tree), "--again", str(file), "--json", str(report)])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(" -> ")[1].split("  ")[0].strip() for line in lines[:-1]] == outcomes
        assert lines[-1].endswith("2 were caught earlier, 1 of them still are")
        assert [row["outcome"] for row in json.loads(report.read_text())["mutants"]] == outcomes
    assert "pyxai/solids/flat/figures.py:12" in lines[1]
    assert "arithmetic: return width [-*-]{+/+} height  by tests/solids/test_shapes.py::test_area" in lines[1]
    assert (root / "pyxai/solids/shapes.py").read_text() == SHAPES


def test_whole_suite(tmp_path, capsys):
    """A test beside the mirrored ones catches it; one that is slow is not run."""
    root = checkout(tmp_path)
    (root / "tests/test_more.py").write_text(
        "import pytest\nfrom pyxai.solids.shapes import Box\n\n"
        "def test_more():\n    box = Box()\n    box.volume(1)\n    assert box.told == 2\n\n"
        "@pytest.mark.slow\ndef test_slow():\n    assert False\n"
    )
    mutants.main(
        ["--root", str(root), "--again", str(plan(tmp_path, [chosen(root, 18, "number")], whole=True))]
    )
    row, _ = capsys.readouterr().out.splitlines()
    assert row.startswith("caught -> caught")
    assert row.endswith("by tests/test_more.py::test_more")


def test_time_limit(tmp_path, capsys):
    root = checkout(tmp_path)
    with (root / "tests/solids/test_shapes.py").open("a") as file:
        file.write("    while True:\n        pass\n")
    file = plan(tmp_path, [chosen(root, 18, "number")])
    mutants.main(["--root", str(root), "--again", str(file), "--limit", "2"])
    assert capsys.readouterr().out.startswith("caught -> timed out ")


def test_a_failure_of_the_checkout_itself_is_not_a_catch(tmp_path, capsys):
    root = checkout(tmp_path)
    with (root / "tests/solids/test_shapes.py").open("a") as file:
        file.write("    assert False\n")
    mutants.main(["--root", str(root), "--count", "1"])
    assert capsys.readouterr().out.splitlines()[-1] == "1 mutants: 1 broken"


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        (
            "pyxai/solids/shapes.py",
            [f"tests/solids/{name}.py" for name in ("test_shapes", "test_all", "a/test_b")],
        ),
        (
            "pyxai/solids/deep/all.py",
            [f"tests/solids/{name}.py" for name in ("test_all", "test_shapes", "a/test_b")],
        ),
        ("pyxai/cli/__init__.py", ["tests/test_cli.py"]),
        ("pyxai/_bench.py", ["tests/test_bench.py"]),
    ],
)
def test_mirrored_tests(tmp_path, file, tests):
    root = checkout(tmp_path)
    (root / "tests/solids/a").mkdir()
    for name in ("solids/test_all.py", "solids/a/test_b.py", "test_cli.py", "test_bench.py"):
        (root / "tests" / name).write_text("")
    assert mutants.mirrored(root, file) == tests
