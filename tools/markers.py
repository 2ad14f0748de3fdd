"""The part of a page that a script writes: what stands between two markers."""

from __future__ import annotations


def markers(subject: str) -> tuple[str, str]:
    """What stands before and after the part of a page that is generated about ``subject``."""
    return f"<!-- {subject}:start -->", f"<!-- {subject}:end -->"


def rewrite(page: str, subject: str, text: str) -> str:
    """``page`` with ``text`` between the markers of ``subject``.

    Raises:
        ValueError: the markers are not there once and in order.
    """
    start, end = markers(subject)
    if page.count(start) != 1 or page.count(end) != 1 or page.index(start) > page.index(end):
        raise ValueError(f"a page must contain {start} and then {end}, once each")
    head, _, rest = page.partition(start)
    return f"{head}{start}\n{text}\n{end}{rest.partition(end)[2]}"
