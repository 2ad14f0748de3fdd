"""Class names from a file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

_LARGEST = 2**26  # bytes; ImageNet's 21841 names take one million


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


def _name(name: object) -> str:
    if not isinstance(name, str | int | float):
        raise ValueError(f"a name must be text, got {type(name).__name__}")
    return str(name)
