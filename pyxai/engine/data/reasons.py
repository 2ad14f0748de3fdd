"""Why an image cannot be read, in one sentence, whatever its decoder raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import UnidentifiedImageError

from pyxai.engine.errors import RowError, one_line
from pyxai.engine.status import OUT_OF_REACH, UNREADABLE


@contextmanager
def reasons(about: str = "") -> Iterator[None]:
    """Whatever is raised becomes a :class:`RowError`, whose reason begins with ``about``."""
    try:
        yield
    except RowError as error:
        raise RowError(error.status, about + error.reason) from None
    except UnidentifiedImageError:  # its own message holds a memory address
        raise RowError(UNREADABLE, f"{about}not a picture, or a damaged header") from None
    except Exception as error:  # decoders raise whatever a damaged or hostile file makes them raise
        by_system = _is_of_system(error) or _is_of_system(error.__cause__)
        status = OUT_OF_REACH if by_system else UNREADABLE
        raise RowError(status, f"{about}{type(error).__name__}: {one_line(error)}") from None


def _is_of_system(error: BaseException | None) -> bool:
    """Whether the system refused something, which it may grant later."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno is not None)
