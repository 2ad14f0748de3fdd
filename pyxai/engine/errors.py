"""What can go wrong in a run: an input that is refused, a run that has to stop, a row that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


def printable(text: str) -> str:
    """``text`` on one line, for a terminal or a log.

    Names of files and texts of errors may hold anything. What is not a visible character (an escape sequence,
    one that turns the order of the others, a byte that is no text) is written as its code, as in ``\\x1b``.
    """
    if text.isprintable():
        return text
    characters = (" " if character.isspace() else character for character in text)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in characters)


class InputError(ValueError):
    """The request cannot be carried out as it stands; nothing was written. Exit code 2.

    Attributes:
        told: whether another process of the run says it.
    """

    told = False

    def __str__(self) -> str:
        return printable(super().__str__())


class RunError(RuntimeError):
    """A run had to stop; what is stored stays, and ``--resume`` goes on from it. Exit code 1.

    Attributes:
        told: whether another process of the run says it.
    """

    told = False

    def __str__(self) -> str:
        return printable(super().__str__())


class StrictStop(RunError):
    """``--strict``: the first failed row stopped the run. Exit code 3."""


class RowError(Exception):
    """One image cannot be explained; the run goes on.

    Args:
        status: the code stored for the row, see :mod:`pyxai.engine.status`.
        reason: one sentence.
    """

    def __init__(self, status: int, reason: str):
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


def one_line(error: Exception) -> str:
    """An error's message on one line of at most 300 characters."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else text[:297] + "..."


@contextmanager
def refusals() -> Iterator[None]:
    """A wrong value or type, or a missing package, of the parts below is a reason to refuse the request."""
    try:
        yield
    except InputError:
        raise
    except (TypeError, ValueError, ImportError) as error:
        raise InputError(one_line(error)) from error
