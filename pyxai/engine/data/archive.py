"""Pictures in a zip archive, read in place."""

from __future__ import annotations

import io
import itertools
import os
import shutil
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from pyxai.engine.data.files import EXTENSIONS, HEAD, is_picture, open_regular
from pyxai.engine.data.folder import is_hidden
from pyxai.engine.data.source import LeftOut, Listing, Pictures
from pyxai.engine.errors import InputError, one_line


@dataclass(frozen=True)
class Zip(Pictures):
    """The pictures in a zip archive, by the rules of a folder. Nothing is extracted, and no link in it
    followed.
    """

    kind = "zip"

    def listing(self) -> Listing:
        found, names = LeftOut(), []
        for member in self._archive().infolist():
            name = member.filename
            slashed = name.replace("\\", "/")
            if slashed.startswith("/") or slashed[1:2] == ":" or ".." in slashed.split("/"):
                raise InputError(f"{self.path} is refused: its member {name!r} points outside of the archive")
            if name.endswith("/"):
                continue
            if any(map(is_hidden, PurePosixPath(name).parts)):
                found.add("hidden", name)
            elif name.lower().endswith(EXTENSIONS) or self._is_picture(member):
                names.append(name)
            else:
                found.add("not a picture", name)
        names.sort()
        for first, second in itertools.pairwise(names):
            if first == second:
                raise InputError(f"{self.path} is refused: it has two members called {first!r}")
        if not names:
            others = f"; left out: {found}" if found.counts else ""
            raise InputError(f"no pictures ({', '.join(EXTENSIONS)}) in {self.path}{others}")
        return Listing(names, found)

    def open(self, name: str) -> io.IOBase:
        archive = self._archive()
        member = archive.getinfo(name)
        self.limits.check_unpacked(member.file_size)
        with archive.open(member) as file:
            head = file.read(HEAD)
            if not is_picture(head):  # nothing that must be unpacked
                return io.BytesIO(head)
            content = io.BytesIO(head)
            content.seek(len(head))
            shutil.copyfileobj(file, content)
            content.seek(0)
            return content

    def _archive(self) -> zipfile.ZipFile:
        return _open_archive(self.path, os.stat(self.path).st_mtime_ns)

    def _is_picture(self, member: zipfile.ZipInfo) -> bool:
        try:
            with self._archive().open(member) as file:
                return is_picture(file.read(HEAD))
        except Exception:  # encrypted, damaged, of an unknown compression: none that can be told
            return False


@lru_cache(maxsize=1)
def _open_archive(path: Path, _modified: int) -> zipfile.ZipFile:
    try:
        with open_regular(path):  # by its path it would be waited for, were it a pipe by now
            return zipfile.ZipFile(path)
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise InputError(f"cannot read the zip {path}: {one_line(error)}") from error
