"""A repository as the rules see it: what is in it, and what is declared about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.layering.includes import Include, includes
from tests.layering.package import Package
from tests.layering.plan import Plan
from tests.layering.uses import Use, uses


@dataclass(frozen=True)
class Arrow:
    """A file that takes something of another file.

    Attributes:
        use: where and what.
        source, target: the two files.
        upper, lower: their rooms; None for a file that is in none.
    """

    use: Use
    source: str
    target: str
    upper: str | None
    lower: str | None


class House:
    """The repository under ``root``: everything a rule needs, read once."""

    def __init__(self, root: Path):
        self.root = root
        self.package = Package(root)
        self.plan = Plan(root)

    @cached_property
    def uses(self) -> list[Use]:
        """What the files of the package take from it."""
        return uses(self.package)

    @cached_property
    def includes(self) -> dict[str, list[Include]]:
        """What every file of csrc includes."""
        return includes(self.root)

    @cached_property
    def arrows(self) -> list[Arrow]:
        """Arrows from file to file, one for each use and each file that it leads through."""
        room = self.plan.room
        return [
            Arrow(use, use.file, target, room(use.file), room(target))
            for use in self.uses
            if use.found is not None
            for target in dict.fromkeys(use.found.files)
            if target != use.file
        ]

    @cached_property
    def rooms(self) -> dict[str, set[str]]:
        """The rooms that each room imports."""
        below: dict[str, set[str]] = {room: set() for room in self.plan.section("rooms")}
        for arrow in self.arrows:
            if arrow.upper in below and arrow.lower in below and arrow.upper != arrow.lower:
                below[arrow.upper].add(arrow.lower)
        return below
