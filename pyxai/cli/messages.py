"""Lines of the command line on standard error."""

from __future__ import annotations

import os
import sys

from pyxai.engine.errors import printable


def say(message: str) -> None:
    """``message`` on one line that starts with ``pyxai:``."""
    print(f"pyxai: {printable(' '.join(message.split()))}", file=sys.stderr, flush=True)


def speaks() -> bool:
    """Whether this process is the one, of several with the same to say, that says it."""
    return os.environ.get("RANK", "0") == "0"
