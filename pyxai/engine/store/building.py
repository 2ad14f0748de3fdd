"""A store comes to its place whole: it is built in a hidden folder beside it."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyxai.engine.errors import InputError
from pyxai.engine.store.durable import sync
from pyxai.engine.store.lock import DYING, locked


@contextmanager
def building(path: Path) -> Iterator[Path]:
    """A new folder that becomes ``path`` when the block ends. If another process was first, its stays.

    What is at ``path`` then is on the disk, whole, also after a loss of power.

    Raises:
        InputError: it cannot be written.
    """
    folder, held = None, None
    try:
        folder, held = _begin(path)
        yield folder
        for place in (*folder.rglob("*"), folder):
            sync(place)
        folder.rename(path)
    except BaseException as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        if not isinstance(error, OSError):
            raise
        if not (path / "manifest.json").exists():
            raise InputError(f"cannot write {path}: {error.strerror or error}") from None
    finally:
        if held is not None:
            os.close(held)
    sync(path.parent)


def _begin(path: Path) -> tuple[Path, int | None]:
    """A new folder and, where there are locks, the lock on it."""
    while True:
        folder = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        folder.mkdir(parents=True)
        if os.name != "posix":
            return folder, None
        try:
            held = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:
            continue
        if locked(held) is not False and folder.exists():
            return folder, held
        os.close(held)  # taken for a leftover before it was locked


def remove_leftovers(path: Path) -> None:
    """Remove the folders in which killed processes built ``path``; one that lives holds a lock on its own."""
    name = re.compile(re.escape(f".{path.name}.") + "[0-9a-f]{32}")
    try:
        entries = [entry for entry in os.scandir(path.absolute().parent) if name.fullmatch(entry.name)]
    except OSError:
        return
    for entry in entries:
        try:
            file = os.open(
                entry.path, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
            )
        except OSError:
            continue
        try:
            if locked(file, wait=DYING):
                shutil.rmtree(entry.path, ignore_errors=True)
        finally:
            os.close(file)
