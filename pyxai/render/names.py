"""Class names from a file."""

from __future__ import annotations

import json
from pathlib import Path


def read_class_names(path: str | Path) -> dict[int, str]:
    """Class index to name: a JSON list, a JSON object from index to name, or text with one name a line.

    In an object, a name may be a list whose last entry is the readable one (ImageNet's class index file).
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return dict(enumerate(line.strip() for line in text.splitlines()))
        stored = json.loads(text)
        entries = stored.items() if isinstance(stored, dict) else enumerate(stored)
        return {int(index): str(name[-1] if isinstance(name, list) else name) for index, name in entries}
    except (OSError, ValueError, TypeError, IndexError) as error:
        raise ValueError(f"cannot read the class names {path}: {error}") from None
