"""Names of classes from a file, and names of files."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

_LARGEST = 2**26  # bytes; ImageNet's 21841 names take one million
_LONGEST = 180  # bytes of a name; file systems take 255, some of them 143 characters


def read_class_names(path: str | Path) -> dict[int, str]:
    """Class index to name: a JSON list, a JSON object from index to name, or text with one name a line.

    In an object, a name may be a list whose last entry is the readable one (ImageNet's class index file).
    """
    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe may never end
            raise ValueError("it is no regular file")
        if path.stat().st_size > _LARGEST:
            raise ValueError(f"it has more than {_LARGEST} bytes")
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return dict(enumerate(line.strip() for line in text.splitlines()))
        stored = json.loads(text)
        entries = stored.items() if isinstance(stored, dict) else enumerate(stored)
        return {int(index): _name(name[-1] if isinstance(name, list) else name) for index, name in entries}
    except (OSError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(f"cannot read the class names {path}: {error}") from None


def file_name(prefix: str, path: str) -> str:
    """A name for a PNG file about the picture at ``path`` that every file system takes.

    Args:
        prefix: tells it from all others, and begins with a letter or a digit.
        path: relative, with slashes. Letters and digits of any script, ``-`` and ``_`` stay and all else
            becomes ``_``; of a long one the end stays.
    """
    kept = re.sub(r"[^\w-]+", "_", re.sub(r"\.\w{1,5}$", "", path)).strip("_")
    while len(kept.encode()) > _LONGEST:
        kept = kept[1:]
    return f"{prefix}{kept}.png"


def _name(name: object) -> str:
    if not isinstance(name, str | int | float):
        raise ValueError(f"a name must be text, got {type(name).__name__}")
    return str(name)
