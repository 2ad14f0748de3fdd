"""What every source of images gives: their names, and one of them by its name."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.pictures import channels_of, pixels_of, size_of

SHOWN = 3  # names of each kind that is left out


@dataclass
class LeftOut:
    """What lies beside the images and is none, by kind: how many, and the first names.

    Attributes:
        counts: kind to number.
        names: kind to the first names.
    """

    counts: Counter[str] = field(default_factory=Counter)
    names: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, name: str) -> None:
        self.counts[kind] += 1
        names = self.names.setdefault(kind, [])
        if len(names) < SHOWN:
            names.append(name)

    def __str__(self) -> str:
        return described(self.as_json())

    def as_json(self) -> dict[str, Any]:
        return {kind: {"count": count, "first": self.names[kind]} for kind, count in self.counts.items()}


def described(left_out: dict[str, Any]) -> str:
    """What :meth:`LeftOut.as_json` gave, in words."""
    parts = []
    for kind, entry in left_out.items():
        more = ", …" if entry["count"] > len(entry["first"]) else ""
        parts.append(f"{entry['count']} {kind} ({', '.join(entry['first'])}{more})")
    return ", ".join(parts)


@dataclass(frozen=True)
class Listing:
    """The names of a source's images in the order of the rows, and what was left out."""

    names: list[str]
    left_out: LeftOut = field(default_factory=LeftOut)


@dataclass(frozen=True)
class Source:
    """Images at ``path``. It holds a path and bounds, and nothing else, so that it is cheap to send to a
    worker.
    """

    path: Path
    limits: Limits = Limits()  # noqa: RUF009  it is frozen

    kind = ""
    in_memory = False
    """Whether pixels lie in memory, or are mapped into it, as they are read."""

    def described(self, left_out: dict[str, Any]) -> dict[str, Any]:
        """What a store says of it: how it is opened again, and what was :class:`left out <LeftOut>`."""
        found = {"kind": self.kind, "path": str(self.path)}
        if self.limits != Limits():
            found["limits"] = dataclasses.asdict(self.limits)
        return {**found, "left_out": left_out} if left_out else found

    def listing(self) -> Listing:
        """Every image's name, in the order of the rows, and what is no image."""
        raise NotImplementedError

    def names(self) -> list[str]:
        """Every image's name, in the order of the rows."""
        return self.listing().names

    def stamps(self) -> Iterator[str]:
        """What tells another source with the same names apart; nothing of pictures, which may be repaired."""
        return iter(())

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) of one image as stored."""
        raise NotImplementedError

    def channels(self, name: str) -> int:
        """Channels of one image as stored."""
        raise NotImplementedError

    def read(self, name: str, preprocess: Preprocessing, notes: list[str] | None = None) -> np.ndarray:
        """One image resized and cropped, (C, H, W): uint8, or float32.

        Args:
            notes: is given a sentence where something about the picture had to be assumed.
        """
        raise NotImplementedError


@dataclass(frozen=True)
class Pictures(Source):
    """Picture files; subclasses say how one is opened."""

    def open(self, name: str) -> io.IOBase:
        raise NotImplementedError

    def size(self, name: str) -> tuple[int, int]:
        with self.open(name) as file:
            return size_of(file, self.limits)

    def channels(self, name: str) -> int:
        with self.open(name) as file:
            return channels_of(file, self.limits)

    def read(self, name: str, preprocess: Preprocessing, notes: list[str] | None = None) -> np.ndarray:
        with self.open(name) as file:
            return pixels_of(file, preprocess, self.limits, notes)
