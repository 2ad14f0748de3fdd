"""What is declared by hand in ``tests/layers.toml``: rooms, arrows between them, exceptions."""

from __future__ import annotations

import tomllib
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from tests.layering.package import NAME

FILE = "tests/layers.toml"


class Plan:
    """The declarations of the tree under ``root``."""

    def __init__(self, root: Path):
        self.text = (root / FILE).read_text()

    @cached_property
    def _sections(self) -> dict[str, Any]:
        return tomllib.loads(self.text)

    def section(self, name: str) -> dict[str, Any]:
        """A table of the file, empty where there is none."""
        return self._sections.get(name, {})

    @cached_property
    def arrows(self) -> dict[tuple[str, str], str]:
        """The reason of each arrow: which room may import which."""
        return {
            (upper, lower): reason
            for upper, reasons in self.section("arrows").items()
            for lower, reason in reasons.items()
        }

    def room(self, file: str) -> str | None:
        """The room that a file belongs to: the nearest that is declared.

        A room is a file without its ending, a folder with all that is below it, or ``folder/*``, which is
        all folders in a folder.
        """
        path = PurePosixPath(file).relative_to(NAME).with_suffix("")
        names = [str(path)]
        for folder in path.parents[:-1]:
            names += [str(folder), str(folder.parent / "*")]
        return next((name for name in names if name in self.section("rooms")), None)

    def place(self, section: str, key: str) -> str:
        """Where a key stands in the file, as ``tests/layers.toml:12``."""
        inside = False
        for number, line in enumerate(self.text.splitlines(), 1):
            if line.startswith("["):
                inside = line.strip("[] ").replace('"', "") == section
            elif inside and line.partition("=")[0].strip().strip('"') == key:
                return f"{FILE}:{number}"
        return FILE
