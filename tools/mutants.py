"""Mutation testing of the package: small mistakes, drawn by a seed, and whether the fast tests catch them.

    python tools/mutants.py --seed 0 --count 30 --json before.json   # each against its mirrored tests
    python tools/mutants.py --seed 0 --count 0 --whole 5             # each against the whole fast suite
    python tools/mutants.py --again before.json --json after.json    # the same ones after files have moved

A mutant is one change of one operator, number, condition or statement (see `Finder`), made in a copy of the
checkout. A line that can be mutated is drawn, then one of its mutants: a seed and a tree give the same ones
everywhere. For `pyxai/a/b/c.py` run `tests/a/b/test_c.py`, then the rest of `tests/a/b` (or of the nearest
folder above that exists), at the first failure no more of them, in one process, for a minute at most. Times
are the processor's, so that what else the machine does changes no outcome.

caught     a test fails that passes without the mutant
survived   every test passes; some mutants mean the same as the original, so not each is a missing test
timed out  no test failed within the time
broken     a test fails, but without the mutant as well: the checkout is at fault
gone       `--again` finds no function of that name with that line
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "pyxai"
LIMIT = 60  # seconds of the processor for the mirrored tests of a mutant, and
PATIENCE = 10  # times that by the clock
WHOLE_LIMIT = 60 * 60  # by the clock
NOT_COPIED = {"build", "dist", "out", "shared"}  # of the checkout's own folder

COMPARISONS = {
    ast.Lt: ("<", "<=", ">="),
    ast.LtE: ("<=", "<", ">"),
    ast.Gt: (">", ">=", "<="),
    ast.GtE: (">=", ">", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
ARITHMETIC = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
LOGIC = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
TWINS = (
    ("min", "max"),
    ("minimum", "maximum"),
    ("amin", "amax"),
    ("argmin", "argmax"),
    ("any", "all"),
    ("floor", "ceil"),
)
TWIN = dict([*TWINS, *((b, a) for a, b in TWINS)])


@dataclass(frozen=True)
class Mutant:
    """One change of the package's source.

    Attributes:
        file, line: where, from the checkout's root and from 1.
        function: qualified name within the file, `<module>` outside any.
        operator: what kind of change.
        ordinal: which of the operator's mutants of that function, from 0.
        before, after: the lines that change.
        above, below: the lines around them, which tell equal lines apart.
    """

    file: str
    line: int
    function: str
    operator: str
    ordinal: int
    before: str
    after: str
    above: str
    below: str

    def apply(self, source: str) -> str:
        """The file's source with the change."""
        lines = source.split("\n")
        start, end = self.line - 1, self.line + self.before.count("\n")
        if "\n".join(lines[start:end]) != self.before:
            raise ValueError(f"{self.file}:{self.line} does not hold the lines of its mutant")
        return "\n".join([*lines[:start], self.after, *lines[end:]])

    def key(self) -> tuple[str, ...]:
        """What it does, wherever that is and however deeply indented."""
        return self.function, self.operator, textwrap.dedent(self.before), textwrap.dedent(self.after)

    def difference(self) -> str:
        """The changed line, `[-old-]{+new+}` in it."""
        old, new = (
            re.findall(r"[\w.]+|[^\w\s.]+|\s", " ".join(text.split())) for text in (self.before, self.after)
        )
        head = common(old, new)
        tail = common(old[head:][::-1], new[head:][::-1])
        removed, added = ("".join(parts[head : len(parts) - tail]) for parts in (old, new))
        return f"{''.join(old[:head])}[-{removed}-]{{+{added}+}}{''.join(old[len(old) - tail :])}"


def common(one: Sequence, other: Sequence) -> int:
    """How many entries two sequences begin with that are equal."""
    return next(
        (k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


class Finder(ast.NodeVisitor):
    """Finds the mutants of one file; each `visit_` is an operator or leaves something out.

    Left out: decorators, annotations, texts and what is formatted into them, messages of exceptions,
    `if TYPE_CHECKING` and `if __name__ == "__main__"`.
    """

    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.source = source.encode()
        self.lines = source.split("\n")
        self.starts = [0]  # of every line, in bytes: ast counts columns in bytes
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line.encode()) + 1)
        self.scope: list[str] = []
        self.found: list[Mutant] = []
        self.ordinals: Counter[tuple[str, str]] = Counter()
        self.visit(ast.parse(source))

    def begin(self, node: ast.AST) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.AST) -> int:
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def text(self, node: ast.AST) -> str:
        return self.source[self.begin(node) : self.end(node)].decode()

    def add(self, operator: str, begin: int, end: int, text: str) -> None:
        """The mutant that has `text` in the place of the bytes from `begin` to `end`."""
        first = self.source.count(b"\n", 0, begin)
        last = self.source.count(b"\n", 0, end)
        before = "\n".join(self.lines[first : last + 1])
        head = self.source[self.starts[first] : begin].decode()
        tail = self.source[end : self.starts[last + 1] - 1].decode()
        function = ".".join(self.scope) or "<module>"
        ordinal = self.ordinals[function, operator]
        self.ordinals[function, operator] += 1
        above = next((line.strip() for line in reversed(self.lines[:first]) if line.strip()), "")
        below = next((line.strip() for line in self.lines[last + 1 :] if line.strip()), "")
        after = head + text + tail
        self.found.append(
            Mutant(self.file, first + 1, function, operator, ordinal, before, after, above, below)
        )

    def replace(self, operator: str, node: ast.AST, text: str) -> None:
        self.add(operator, self.begin(node), self.end(node), text)

    def between(self, operator: str, left: ast.AST, right: ast.AST, old: str, *new: str) -> None:
        """Exchange the sign `old` that stands between two nodes, beside brackets and line breaks."""
        gap = self.source[self.end(left) : self.begin(right)].decode()
        at = gap.find(old)
        if at >= 0 and "#" not in gap:
            start = self.end(left) + at
            for sign in new:
                self.add(operator, start, start + len(old), sign)

    # Scopes, and what is left out

    def scoped(self, name: str, nodes: Iterable[ast.AST | None]) -> None:
        self.scope.append(name)
        for node in nodes:
            if node is not None:
                self.visit(node)
        self.scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.scoped(node.name, [*node.args.defaults, *node.args.kw_defaults, *node.body])

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.scoped(node.name, node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        pass

    # Operators

    def negate(self, test: ast.expr) -> None:
        """`if x` becomes `if not (x)`; `not x` and constants have an operator of their own."""
        opposite = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        if not opposite and not isinstance(test, ast.Constant):
            self.replace("negated condition", test, f"not ({self.text(test)})")

    def visit_If(self, node: ast.If) -> None:
        if "TYPE_CHECKING" not in self.text(node.test) and "__name__" not in self.text(node.test):
            self.negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for test in node.ifs:
            self.negate(test)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        left = node.left
        for sign, right in zip(node.ops, node.comparators, strict=True):
            self.between("comparison", left, right, *COMPARISONS[type(sign)])
            left = right
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        texts = any(_is_text(side) for side in (node.left, node.right))
        types = isinstance(node.op, ast.BitOr) and any(_is_type(side) for side in (node.left, node.right))
        if type(node.op) in ARITHMETIC and not texts and not types:
            self.between("arithmetic", node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in ARITHMETIC and not _is_text(node.value):
            self.between("arithmetic", node.target, node.value, *ARITHMETIC[type(node.op)])
        self.replace("deleted statement", node, "pass")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for left, right in zip(node.values, node.values[1:], strict=False):
            self.between("and/or", left, right, *LOGIC[type(node.op)])
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            self.replace("removed not", node, self.text(node)[3:].lstrip())
        elif isinstance(node.op, ast.USub):
            self.replace("removed minus", node, self.text(node)[1:].lstrip())
        self.generic_visit(node)

    def number(self, operator: str, node: ast.Constant) -> None:
        for value in (node.value + 1, node.value - 1):
            if value != node.value:
                self.replace(operator, node, repr(value))

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.replace("true/false", node, repr(not node.value))
        elif isinstance(node.value, int | float):
            self.number("number", node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        for part in parts:
            for bound in (part.lower, part.upper, part.step) if isinstance(part, ast.Slice) else (part,):
                literal = bound.operand if isinstance(bound, ast.UnaryOp) else bound
                if isinstance(literal, ast.Constant) and type(literal.value) is int:
                    self.number("index", literal)
                elif bound is not None:
                    self.visit(bound)

    def visit_Call(self, node: ast.Call) -> None:
        name = getattr(node.func, "id", getattr(node.func, "attr", None))
        if name in TWIN:
            self.add("min/max", self.end(node.func) - len(name), self.end(node.func), TWIN[name])
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Call):
            self.replace("deleted statement", node, "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self.replace("deleted statement", node, "pass")

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
            self.replace("dropped return value", node, "return None")
        self.generic_visit(node)

    def visit_Break(self, node: ast.Break) -> None:
        self.replace("break/continue", node, "continue")

    def visit_Continue(self, node: ast.Continue) -> None:
        self.replace("break/continue", node, "break")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _is_type(node: ast.AST) -> bool:
    """Whether it looks like a side of a union of types."""
    if isinstance(node, ast.Constant):
        return node.value is None
    name = getattr(node, "id", getattr(node, "attr", ""))
    return name[:1].isupper() or name in {"int", "float", "bool", "str", "list", "tuple", "dict", "set"}


def mutants(root: Path) -> list[Mutant]:
    """All of a checkout's, in the order of its files and lines."""
    found = []
    for path in sorted((root / PACKAGE).rglob("*.py")):
        found += Finder(path.relative_to(root).as_posix(), path.read_text()).found
    return found


def draw(root: Path, random_: random.Random, count: int) -> list[Mutant]:
    """`count` mutants, each of another line and each of them valid Python."""
    lines = defaultdict(list)
    for mutant in mutants(root):
        lines[mutant.file, mutant.line].append(mutant)
    places = sorted(lines)
    random_.shuffle(places)
    drawn: list[Mutant] = []
    for place in places:
        if len(drawn) == count:
            break
        mutant = random_.choice(lines[place])
        if _compiles(mutant.apply((root / mutant.file).read_text())):
            drawn.append(mutant)
    return drawn


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def find(wanted: Mutant, among: list[Mutant]) -> Mutant | None:
    """The same change of a function of the same name, wherever it is now.

    Where several files have one, the old file comes first, then one of its name, then equal neighbours.
    """

    def likeness(mutant: Mutant) -> tuple:
        return (
            mutant.file == wanted.file,
            Path(mutant.file).name == Path(wanted.file).name,
            (mutant.above == wanted.above) + (mutant.below == wanted.below),
            -abs(mutant.ordinal - wanted.ordinal),
        )

    same = (mutant for mutant in among if mutant.key() == wanted.key())
    return max(same, key=likeness, default=None)


def mirrored(root: Path, file: str) -> list[str]:
    """The test files for a file of the package, its own first, then by likeness of name and depth."""
    path = Path(file).relative_to(PACKAGE)
    own = f"test_{path.stem.strip('_')}"
    if len(path.parts) == 1 and (root / "tests" / f"{own}.py").exists():
        return [f"tests/{own}.py"]

    def likeness(test: Path) -> tuple:
        return -common(own, test.stem), len(test.parts), len(test.stem), test

    for folder in (root / "tests" / path).parents[: len(path.parts)]:
        one = folder.with_name(f"test_{folder.name}.py")  # tests/test_cli.py in place of tests/cli
        found = [*folder.rglob("test_*.py")] or ([one] if one.exists() else [])
        if found:
            return [test.relative_to(root).as_posix() for test in sorted(found, key=likeness)]
    return []


@dataclass(frozen=True)
class Trial:
    """A mutant, the tests it is for, and what became of it.

    Attributes:
        whole: whether the whole fast suite runs on it and not its mirrored tests.
        earlier: the outcome in the file given to `--again`.
        outcome: one of those above, in `seconds` of the processor; test: the first that failed.
    """

    mutant: Mutant
    whole: bool
    earlier: str = ""
    outcome: str = ""
    seconds: float = 0.0
    test: str = ""

    def line(self) -> str:
        outcome = f"{self.earlier} -> {self.outcome}" if self.earlier else self.outcome
        tests = "whole suite  " if self.whole else ""
        by = f"  by {self.test}" if self.test else ""
        where = f"{self.mutant.file}:{self.mutant.line}"
        change = f"{self.mutant.operator}: {self.mutant.difference()}"
        return f"{outcome:9} {self.seconds:6.1f} s  {tests}{where}  {change}{by}"


def run(command: list[str], folder: Path, limit: float, clock: float) -> tuple[int | None, float]:
    """Exit code of a command and seconds of the processor; nothing of it is left running.

    The code is None where it took more than `limit` seconds of the processor or `clock` by the clock.
    """
    environment = dict(os.environ, PYTHONPATH=str(folder), PYTHONDONTWRITEBYTECODE="1", OMP_NUM_THREADS="1")
    environment.pop("PYTEST_ADDOPTS", None)
    process = subprocess.Popen(
        ["sh", "-c", f'ulimit -t {limit:.0f}; exec "$@"', "sh", *command],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )

    def kill() -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    timer = threading.Timer(clock, kill)
    timer.start()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    timer.cancel()
    kill()  # what it left behind, while its number is still its own
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    late = process.returncode in (-signal.SIGXCPU, -signal.SIGKILL)
    return None if late else process.returncode, usage.ru_utime + usage.ru_stime


def attempt(trial: Trial, copy: Path, limit: float) -> Trial:
    """Run the tests on the mutant, in a copy of the checkout that is as before afterwards."""
    command = [sys.executable, "-m", "pytest", "--rootdir", str(copy), "-x", "-q", "-m", "not slow"]
    command += ["--basetemp", f"{copy}.tmp", "-o", "cache_dir=.pytest_cache"]
    limits = limit, PATIENCE * limit
    if trial.whole:
        limits = WHOLE_LIMIT, WHOLE_LIMIT
        command += ["-n", "2", "--dist", "loadfile", "--max-worker-restart", "0", "tests"]
    else:
        command += mirrored(copy, trial.mutant.file)
    shutil.rmtree(copy / ".pytest_cache", ignore_errors=True)
    path = copy / trial.mutant.file
    original = path.read_text()
    try:
        path.write_text(trial.mutant.apply(original))
        code, seconds = run(command, copy, *limits)
    finally:
        path.write_text(original)
    if code is None:
        return replace(trial, outcome="timed out", seconds=seconds)
    if code in (0, 5):  # 5: there are no tests
        return replace(trial, outcome="survived", seconds=seconds)
    failed = copy / ".pytest_cache/v/cache/lastfailed"
    tests = list(json.loads(failed.read_text())) if failed.exists() else []
    # What failed has to pass without the mutant; nothing is named where a conftest.py could not be imported.
    again, _ = run([*command, "--last-failed", "--last-failed-no-failures", "none"], copy, *limits)
    outcome = "caught" if again in (0, 5, None) else "broken"
    return replace(trial, outcome=outcome, seconds=seconds, test=tests[0] if tests else "")


@contextmanager
def copies(root: Path, count: int) -> Iterator[SimpleQueue]:
    """Throw-away copies of the checkout, its compiled module with them."""

    def left_out(folder: str, names: list[str]) -> set[str]:
        own = NOT_COPIED if Path(folder) == root else set()
        return {name for name in names if name[0] == "." or name == "__pycache__" or name in own}

    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        free: SimpleQueue = SimpleQueue()
        for number in range(count):
            copy = Path(folder) / str(number)
            shutil.copytree(root, copy, ignore=left_out)
            free.put(copy)
        yield free


def attempts(root: Path, trials: list[Trial], jobs: int, limit: float) -> Iterator[Trial]:
    """Every trial made, in the order given; those of the whole suite, which come last, one by one."""

    def one(trial: Trial) -> Trial:
        copy = free.get()
        try:
            return attempt(trial, copy, limit)
        finally:
            free.put(copy)

    with copies(root, jobs) as free:
        for whole, workers in ((False, jobs), (True, 1)):
            with ThreadPoolExecutor(workers) as pool:
                yield from pool.map(one, [trial for trial in trials if trial.whole == whole])


def drawn(root: Path, seed: int, count: int, whole: int) -> list[Trial]:
    """Two draws, so that either can be made alone."""
    return [
        *(Trial(mutant, False) for mutant in draw(root, random.Random(seed), count)),
        *(Trial(mutant, True) for mutant in draw(root, random.Random(f"whole {seed}"), whole)),
    ]


def again(root: Path, file: Path) -> list[Trial]:
    """The trials of an earlier run, their mutants where they are now."""
    here = mutants(root)
    trials = []
    for entry in json.loads(file.read_text())["mutants"]:
        old = Mutant(**{field.name: entry[field.name] for field in fields(Mutant)})
        new = find(old, here)
        outcome = "" if new else "gone"
        trials.append(Trial(new or old, entry["whole"], entry["outcome"], outcome))
    return trials


def totals(trials: list[Trial]) -> str:
    """The last line: how many of each outcome, and how many were caught earlier as well."""
    count = Counter(trial.outcome for trial in trials)
    text = f"{len(trials)} mutants: " + ", ".join(f"{count[name]} {name}" for name in sorted(count))
    if any(trial.earlier for trial in trials):
        earlier = [trial for trial in trials if trial.earlier == "caught"]
        still = sum(trial.outcome == "caught" for trial in earlier)
        text += f"; {len(earlier)} were caught earlier, {still} of them still are"
    return text


def as_json(trials: list[Trial], options: argparse.Namespace) -> str:
    """What `--again` reads: one flat object a mutant."""
    rows = [asdict(trial) for trial in trials]
    rows = [row.pop("mutant") | row for row in rows]
    settings = {"seed": options.seed, "limit": options.limit, "jobs": options.jobs}
    return json.dumps(settings | {"mutants": rows}, indent=1, ensure_ascii=False) + "\n"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=30, help="mutants for their mirrored tests")
    parser.add_argument("--whole", type=int, default=0, help="other mutants, for the whole fast suite")
    parser.add_argument("--again", type=Path, metavar="FILE", help="the mutants of an earlier --json instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the mutants and outcomes there")
    parser.add_argument("--jobs", type=int, default=2, help="mutants side by side")
    parser.add_argument(
        "--limit", type=float, default=LIMIT, help="processor seconds for one's mirrored tests"
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout")
    options = parser.parse_args(arguments)
    root = options.root.resolve()

    if options.again:
        planned = again(root, options.again)
    else:
        planned = drawn(root, options.seed, options.count, options.whole)
    done = [trial for trial in planned if trial.outcome == "gone"]
    there = [trial for trial in planned if trial.outcome != "gone"]
    for trial in done:
        print(trial.line())
    for trial in attempts(root, there, options.jobs, options.limit):
        print(trial.line(), flush=True)
        done.append(trial)
        if options.json:  # after every mutant: a run takes long, and may be stopped
            options.json.write_text(as_json(done, options))
    print(totals(done))


if __name__ == "__main__":
    main()
