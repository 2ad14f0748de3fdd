"""Whether a source is still what it was when a run began."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from pyxai.engine.errors import RunError


class Watch:
    """Remembers which folder or file is at ``path``. A context manager, which lets go of it.

    A folder is known by its place on the disk, for the pictures in it may be repaired while a run goes on; a
    file, also by its size and the time when it was last written. Meanwhile it is held open where the system
    can do that: else its place might be given to one that is made after it was deleted.
    """

    def __init__(self, path: Path):
        self._path = path
        self._held = None
        with contextlib.suppress(OSError, ValueError):
            self._held = os.open(path, getattr(os, "O_PATH", os.O_RDONLY))
        self._seen = self._look()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        if self._held is not None:
            os.close(self._held)

    def check(self) -> None:
        """A :class:`RunError` where ``path`` is gone, or something else by now.

        What was read before this returns was read from what the run began with.
        """
        found = self._look()
        if found != self._seen:
            what = "is gone" if found is None else "was replaced, or written to,"
            raise RunError(
                f"{self._path} {what} since the run began: what is stored is whole; once it is back as it "
                "was, continue with --resume"
            )

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = os.stat(self._path)
        except (OSError, ValueError):
            return None
        place = found.st_dev, found.st_ino
        return place if stat.S_ISDIR(found.st_mode) else (*place, found.st_size, found.st_mtime_ns)
