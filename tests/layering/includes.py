"""The lines ``#include`` of the C++ files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"]+)[>"]', re.MULTILINE)


@dataclass(frozen=True)
class Include:
    """A line ``#include``: where it stands, the header it names, and that header's file where it is ours."""

    file: str
    line: int
    header: str
    target: str | None

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def includes(root: Path) -> dict[str, list[Include]]:
    """The includes of every file of csrc."""
    found: dict[str, list[Include]] = {}
    for path in sorted(path for path in (root / "csrc").rglob("*") if path.is_file()):
        file, text = path.relative_to(root).as_posix(), path.read_text()
        found[file] = []
        for match in INCLUDE.finditer(text):
            places = (root / "csrc" / match[1], path.parent / match[1])
            target = next((place.relative_to(root).as_posix() for place in places if place.is_file()), None)
            found[file].append(Include(file, text.count("\n", 0, match.start()) + 1, match[1], target))
    return found
