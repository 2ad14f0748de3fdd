"""What every source of images gives: their names, and one of them by its name."""

from __future__ import annotations

import dataclasses
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import numpy as np

from pyxai.engine.data.called import Preprocessing
from pyxai.engine.data.limits import Limits
from pyxai.engine.data.pictures import channels_of, has_frames, pixels_of, size_of

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
    in_memory: ClassVar[bool] = False  # whether pixels lie in memory, or are mapped into it, as they are read
    frames: ClassVar[int | None] = None  # of a clip, where a number is asked for

    def described(self, left_out: dict[str, Any]) -> dict[str, Any]:
        """What a store says of it: how it is opened again, and what was :class:`left out <LeftOut>`."""
        found = {"kind": self.kind, "path": str(self.path)}
        if self.limits != Limits():
            found["limits"] = dataclasses.asdict(self.limits)
        if self.frames is not None:
            found["frames"] = self.frames
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
        """(height, width) of one image as stored, of a clip that of its first frame."""
        raise NotImplementedError

    def channels(self, name: str) -> int:
        """Channels of one image as stored."""
        raise NotImplementedError

    def read(self, name: str, preprocess: Preprocessing, notes: list[str] | None = None) -> np.ndarray:
        """One image resized and cropped, (C, H, W), of clips (C, T, H, W): uint8, or float32.

        Args:
            notes: is given a sentence where something about the picture had to be assumed.
        """
        raise NotImplementedError

    def clip(self, name: str, names: Iterable[str]) -> str:
        """That the image ``name`` of ``names`` looks like a clip, or a frame of one, and how to say so.

        "" where it does not, or where clips are asked for.
        """
        return ""


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

    def clip(self, name: str, names: Iterable[str]) -> str:
        try:
            with self.open(name) as file:
                if has_frames(file, self.limits):
                    return f"{name} looks like a clip: say so with --frames T, which explains T of its frames"
        except Exception:  # a damaged file, which has a reason of its own
            return ""
        own = _numbered(name)
        alike = sum(_numbered(other) == own for other in names)
        folder = PurePosixPath(name).parent
        where = "the folder" if folder == PurePosixPath() else str(folder)
        return (
            f"if the {alike} numbered pictures in {where} are a clip, say so with --frames T"
            if alike > 1
            else ""
        )


def _numbered(name: str) -> str:
    """A name that only the numbers in the file's name are left out of: one for all frames of a folder."""
    path = PurePosixPath(name)
    return str(path.with_name(re.sub("[0-9]+", "#", path.name)))
