"""The diagram of rooms in ``docs/design.md``, made from the imports."""

from __future__ import annotations

import graphlib
import textwrap
from pathlib import Path

from tests.layering.house import House

PAGE = "docs/design.md"
BEGIN = "<!-- rooms: made by `python -m tests.layering` -->"
END = "<!-- end of rooms -->"
WIDTH = 110


def levels(below: dict[str, set[str]]) -> list[list[str]]:
    """Rooms by level, the lowest first: a room stands one above the highest that it imports."""
    sorter = graphlib.TopologicalSorter(below)
    sorter.prepare()
    found = []
    while sorter.is_active():
        found.append(sorted(sorter.get_ready()))
        sorter.done(*found[-1])
    return found


def diagram(house: House) -> str:
    """A line for each room, the top level first, with the rooms that it imports."""
    found, below = levels(house.rooms), house.rooms
    width = max(map(len, below))
    lines = []
    for number, rooms in reversed(list(enumerate(found))):
        for index, room in enumerate(rooms):
            level = "" if index else str(number)
            order = sorted(below[room], key=lambda lower: (-_level(found, lower), lower))
            start = f"{level:>2}  {room:{width}}  "
            lines += textwrap.wrap(
                start + (" ".join(order) or "-"),
                WIDTH,
                subsequent_indent=" " * len(start),
                break_on_hyphens=False,
                drop_whitespace=True,
            )
    return "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def _level(found: list[list[str]], room: str) -> int:
    return next(number for number, rooms in enumerate(found) if room in rooms)


def page(root: Path) -> str:
    """The page with the diagram as it must be."""
    text = (root / PAGE).read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{diagram(House(root))}\n{END}{after}"
