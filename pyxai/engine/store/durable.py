"""Writing a file so that it is there whole or not at all, also when the machine loses its power."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from pathlib import Path
from typing import Any

PARTIAL = ".partial"
"""How the names of files end that are not whole yet."""


def write(root: Path, key: str, data: Any) -> None:
    """Write ``data``, bytes or what gives a view of them, to the file ``key`` of the store at ``root``.

    What it holds is on the disk when this returns; for its name see :func:`sync`. Folders on the way
    to the file are made, but not ``root``: a store that was deleted is not begun anew.

    Raises:
        OSError: it cannot be written, or a link lies on the way.
    """
    *folders, _ = key.split("/")
    place = root.joinpath(key)
    above = [root.joinpath(*folders[: depth + 1]) for depth in range(len(folders))]
    if any(path.is_symlink() for path in (*above, place)):
        raise OSError(errno.ELOOP, f"{key} is a link, or lies behind one", str(root))
    for folder in above:
        with contextlib.suppress(FileExistsError):
            os.mkdir(folder)
    temporary = place.with_name(f"{place.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def sync(path: Path) -> None:
    """Put a file, or the names in a folder, on the disk."""
    if os.name != "posix":  # where folders cannot be opened
        return
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    except OSError as error:
        if error.errno not in (
            errno.EINVAL,
            errno.ENOTSUP,
        ):  # of file systems that have no such call for folders
            raise
    finally:
        os.close(file)
