"""Pictures in a folder and below it, and one picture by itself."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

from pyxai.engine.data.files import EXTENSIONS, HEAD, is_picture, open_regular, what_is
from pyxai.engine.data.source import LeftOut, Listing, Pictures
from pyxai.engine.errors import InputError


@dataclass(frozen=True)
class Folder(Pictures):
    """The pictures in a folder and its subfolders, also those that links lead to; each real folder once.

    A file with the ending of a picture is one, and fails as a row where it is none after all. Of all others
    the first bytes decide. Hidden files and folders are left out.
    """

    kind = "folder"

    def listing(self) -> Listing:
        found = LeftOut()
        names = sorted(_Walk(str(self.path), found).names())
        if not names:
            others = f"; left out: {found}" if found.counts else ""
            raise InputError(f"no pictures ({', '.join(EXTENSIONS)}) in {self.path}{others}")
        return Listing(names, found)

    def open(self, name: str) -> io.IOBase:
        return open_regular(os.path.join(self.path, name))


@dataclass(frozen=True)
class Single(Pictures):
    """One picture file."""

    kind = "picture"

    def listing(self) -> Listing:
        return Listing([self.path.name])

    def open(self, name: str) -> io.IOBase:
        return open_regular(self.path)


class _Walk:
    """Once through a tree. Folders that links lead to come last, so that a folder has the name it has without
    them.
    """

    def __init__(self, root: str, left_out: LeftOut):
        self._root = root
        self._left_out = left_out
        self._seen: set[tuple[int, int]] = set()

    def names(self) -> Iterator[str]:
        links = [""]
        while links:
            later: list[str] = []
            for start in sorted(links):
                yield from self._below(start, later)
            links = later

    def _below(self, start: str, links: list[str]) -> Iterator[str]:
        """The pictures below a folder that no link leads to; ``links`` is given folders that one does."""
        waiting = [start]
        while waiting:
            folder = waiting.pop()
            if not self._is_new(folder):
                continue
            for entry in self._entries(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                if is_hidden(entry.name):
                    self._left_out.add("hidden", name)
                elif _is_folder(entry):
                    (links if entry.is_symlink() else waiting).append(name)
                elif kind := self._kind(entry):
                    self._left_out.add(kind, name)
                else:
                    yield name

    def _is_new(self, folder: str) -> bool:
        try:
            found = os.stat(os.path.join(self._root, folder))
        except OSError as error:
            raise InputError(f"cannot list {error.filename}: {error.strerror}") from None
        identity = found.st_dev, found.st_ino
        if identity in self._seen:
            self._left_out.add("folder that is there already", folder)
            return False
        self._seen.add(identity)
        return True

    def _entries(self, folder: str) -> list[os.DirEntry]:
        try:
            with os.scandir(os.path.join(self._root, folder)) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(f"cannot list {error.filename}: {error.strerror}") from None

    def _kind(self, entry: os.DirEntry) -> str:
        """Why a file is left out; "" where it is not."""
        named = entry.name.lower().endswith(EXTENSIONS)
        try:
            if entry.is_file():
                if named:
                    return ""
                with open_regular(entry.path) as file:
                    return "" if is_picture(file.read(HEAD)) else "not a picture"
            return what_is(entry.stat().st_mode)
        except OSError:  # no permission, or a link that leads nowhere: a failed row if it is called a picture
            return "" if named else "unreadable"


def _is_folder(entry: os.DirEntry) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is none that its user sees."""
    return name.startswith((".", "__MACOSX"))
