"""A table of what each method did on each network."""

from __future__ import annotations

from collections.abc import Iterable

from tests.sweep.checks import CHECKS, Outcome
from tests.sweep.rows import Row

SUBJECT = "architectures"
WORDS = {"works": "✓", "refused": "refused", "differs": "**differs**", "fails": "**fails**"}
HEAD = ["family", "network", "library", "pixels", "parameters", *(f"`{check.method}`" for check in CHECKS)]


def table(rows: list[Row]) -> str:
    """One line for each network, and the sentences that its cells refer to by a number."""
    notes: dict[str, int] = {}
    lines = ["| " + " | ".join(HEAD) + " |", "|---|---|---|--:|--:|" + "---|" * len(CHECKS)]
    for row in sorted(rows, key=lambda row: (row.architecture.family.lower(), row.architecture.library)):
        if row.outcomes:
            lines.append("| " + " | ".join(cells(row, notes)) + " |")
    lines += ["", counts(rows)]
    left_out = [f"`{row.architecture.name}`" for row in rows if not row.outcomes]
    if left_out:
        lines += ["", f"Left out, since random weights make their scores constant: {', '.join(left_out)}."]
    if notes:
        lines += ["", *(f"{number}. {sentence}" for sentence, number in notes.items())]
    return "\n".join(lines)


def cells(row: Row, notes: dict[str, int]) -> list[str]:
    """A network's line, in the order of ``HEAD``; what is said is added to ``notes`` if it is new there."""
    about = row.architecture
    mark = " ᶠ" if row.single else ""
    return [
        about.family,
        f"`{about.name}`{mark}",
        about.library,
        f"{about.size}²",
        f"{row.parameters:,}",
        *(_cell(row.outcomes[check.method], notes) for check in CHECKS),
    ]


def _cell(outcome: Outcome, notes: dict[str, int]) -> str:
    said = outcome.says or (
        outcome.as_it_is and f"runs as it is, for it was not captured: {outcome.as_it_is}"
    )
    number = f" ({notes.setdefault(said, len(notes) + 1)})" if said else ""
    return WORDS[outcome.kind] + number


def counts(rows: Iterable[Row]) -> str:
    """How many networks and maps there are of each kind, in one sentence."""
    kept = [row for row in rows if row.outcomes]
    kinds = [outcome.kind for row in kept for outcome in row.outcomes.values()]
    found = ", ".join(f"{kinds.count(kind)} {word}" for kind, word in WORDS.items() if kind in kinds)
    single = sum(row.single for row in kept)
    return f"{len(kept)} networks ({single} with single precision inside, ᶠ): {found}."
