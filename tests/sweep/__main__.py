"""``python -m tests.sweep [NAME …]``: explain one network of each family and compare with the eager model.

Prints what each method did, network by network, and ends with an error where a map is not what it must be.
``--write`` brings the table of `docs/architectures.md` up to date, which takes about an hour of a processor.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.sweep.architectures import ARCHITECTURES
from tests.sweep.checks import Outcome
from tests.sweep.rows import Row, each
from tests.sweep.table import SUBJECT, counts, table
from tools.markers import rewrite

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architectures.md"


def line(row: Row, seconds: float) -> str:
    """A network in one line, and one more for each method with something to say.

    Args:
        seconds: of a processor that it took.
    """
    about = row.architecture
    head = f"{about.library:12} {about.name:34} {about.size:3} {row.parameters:10,} {seconds:5.0f} s"
    if not row.outcomes:
        return f"{head}  constant scores"
    cells = [f"{method} {word(outcome)}" for method, outcome in row.outcomes.items()]
    said = [f"    {method}: {outcome.says}" for method, outcome in row.outcomes.items() if outcome.says]
    as_it_is = {outcome.as_it_is for outcome in row.outcomes.values() if outcome.as_it_is}
    said += [f"    as it is: {reason}" for reason in as_it_is]
    return "\n".join(["  ".join([head, *cells, "single" if row.single else ""]).rstrip(), *said])


def word(outcome: Outcome) -> str:
    """The kind of an outcome, or how far its maps are apart at most."""
    return f"{max(outcome.distances.values()):.0e}" if outcome.kind == "works" else outcome.kind


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="networks, by their name in their library")
    parser.add_argument("--jobs", type=int, default=1, help="networks side by side")
    parser.add_argument("--write", action="store_true", help=f"write the table of all into {PAGE.name}")
    arguments = parser.parse_args(argv)
    unknown = set(arguments.names) - {architecture.name for architecture in ARCHITECTURES}
    if unknown:
        parser.error(f"NAME must be of a network of the sweep, got {', '.join(sorted(unknown))}")
    if arguments.names and arguments.write:
        parser.error("--write must go without NAME: the table has every network")
    chosen = [about for about in ARCHITECTURES if not arguments.names or about.name in arguments.names]
    rows = []
    for row, seconds in each(chosen, arguments.jobs):
        rows.append(row)
        print(line(row, seconds), flush=True)
    print(counts(rows))
    if arguments.write:
        PAGE.write_text(rewrite(PAGE.read_text(), SUBJECT, table(rows)))
    kinds = {outcome.kind for row in rows for outcome in row.outcomes.values()}
    return 1 if kinds & {"differs", "fails"} else 0


if __name__ == "__main__":
    sys.exit(main())
