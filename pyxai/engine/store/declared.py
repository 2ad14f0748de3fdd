"""Whether a manifest that is read holds what a run writes, before anything relies on it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyxai.engine.data.limits import Limits
from pyxai.engine.data.preprocess import Preprocess
from pyxai.engine.errors import InputError
from pyxai.engine.store.files import read_json, why
from pyxai.engine.store.layout import MOST_ROWS, bytes_needed, check_entry

FORMAT = "pyxai-run"
FORMAT_VERSION = 1

_MOST_THREADS = 4096
_SHORTEST_LINE = len('{"row": 0, "path": "a"}\n')
_ROW_IN_MEMORY = 64  # bytes, at least, of a row's name, status and numbers


def read_manifest(path: Path) -> dict[str, Any]:
    """What ``manifest.json`` of a store says; an :class:`InputError` where it cannot be relied on."""
    try:
        manifest = read_json(path / "manifest.json")
        if not isinstance(manifest, dict):
            raise ValueError("manifest.json must hold an object")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not a run of pyxai: {why(error)}") from None
    found = (manifest.get("format"), manifest.get("format_version"))
    if found != (FORMAT, FORMAT_VERSION):
        raise InputError(f"{path} has the format {repr(found)[:80]}, not {(FORMAT, FORMAT_VERSION)}")
    try:
        check(manifest)
        _check_size(path, manifest)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is damaged: {why(error)}") from None
    return manifest


def check(manifest: dict[str, Any]) -> None:
    """A :class:`ValueError` that names the first entry which is not as a run writes it."""
    check_entries(manifest, _ENTRIES)
    for name, entry in manifest["arrays"].items():
        check_entry(name, entry)


Entries = dict[str, tuple[str, Callable[[Any], bool]]]
"""Place of an entry in a manifest to what it must be, in words and as a test; one that is absent is None."""


def check_entries(manifest: dict[str, Any], entries: Entries) -> None:
    """A :class:`ValueError` that names the first of ``entries`` which is not what it must be."""
    for place, (wanted, holds) in entries.items():
        value: Any = manifest
        for key in place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not holds(value):
            raise ValueError(f"`{place}` in manifest.json must be {wanted}, got {repr(value)[:80]}")


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _positive(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**62


def _text_or_null(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _programs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(entry, dict) and _text_or_null(entry.get("explained")) for entry in value
    )


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_positive, value))


def _model(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("spec"), str))


def _target(value: Any) -> bool:
    return not isinstance(value, dict) or _text_or_null(value.get("callable"))


def _class_names(value: Any) -> bool:
    return value is None or (
        isinstance(value, dict)
        and all(re.fullmatch(r"0|[1-9]\d{0,17}", number, re.ASCII) for number in value)
        and all(isinstance(name, str) for name in value.values())
    )


def _preprocess(value: Any) -> bool:
    if isinstance(value, dict) and "function" in value:
        return value.get("channels") in ("RGB", "L")
    return _makes(Preprocess, value)


def _limits(value: Any) -> bool:
    return value is None or _makes(Limits, value)


def _makes(kind: type, settings: Any) -> bool:
    """Whether ``settings``, which may hold anything, are those of a ``kind``."""
    try:
        return kind(**settings) is not None
    except (TypeError, ValueError, OverflowError):
        return False


def _left_out(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and all(map(_names, value.values())))


def _names(value: Any) -> bool:
    first = value.get("first") if isinstance(value, dict) else None
    return isinstance(first, list) and all(map(_text, first)) and _positive(value.get("count"))


COMMON: Entries = {
    "method": ("text", _text),
    "source.kind": ("text", _text),
    "source.path": ("text", _text),
    "source.limits": ("null or an object of positive whole numbers", _limits),
    "source.left_out": ("null or an object of `count` and `first` names by kind", _left_out),
    "images.count": ("a positive whole number", _positive),
    "images.names": ("text", _text),
}
"""What every manifest has, also that of pictures of several sizes."""

_ENTRIES: Entries = {
    **COMMON,
    "model": ("null or an object with the text `spec`", _model),
    "target": ("anything but an object whose `callable` is no text", _target),
    "class_names": ("null or an object of text by whole numbers from 0", _class_names),
    "preprocess": (
        "the settings of a pyxai.Preprocess, or an object of `function` and `channels`",
        _preprocess,
    ),
    "images.shape": ("three positive whole numbers", _sizes),
    "chunk": (f"a whole number from 1 to {MOST_ROWS}", lambda value: _positive(value) and value <= MOST_ROWS),
    "rows": ("a positive whole number", _positive),
    "threads": (
        f"a whole number from 1 to {_MOST_THREADS}",
        lambda value: _positive(value) and value <= _MOST_THREADS,
    ),
    "arrays": ("an object", _object),
    "explainer.programs": ("a list of objects whose `explained` is text", _programs),
    "explainer.units": ("null or text", _text_or_null),
    "output_kind": ("null or text", _text_or_null),
}


def _check_size(path: Path, manifest: dict[str, Any]) -> None:
    """Nothing the manifest tells makes a reader or a run take memory that this machine does not have."""
    count, images = manifest["images"]["count"], manifest["images"]["shape"]
    side = manifest["preprocess"].get("resize") or 0
    listed = os.stat(path / "paths.jsonl", follow_symlinks=False).st_size
    if count * _SHORTEST_LINE > listed:
        raise ValueError(f"paths.jsonl has {listed} bytes, too few for {count} images")
    memory = _memory()
    for what, needed in (
        (f"{count} images", count * _ROW_IN_MEMORY),
        (f"a chunk of {manifest['chunk']} rows", bytes_needed(manifest["arrays"], manifest["chunk"])),
        (f"a call of {manifest['rows']} rows", manifest["rows"] * math.prod(images) * 4),
        (f"a picture with a side of {side} pixels", side**2 * images[0]),
    ):
        if needed > memory:
            raise ValueError(f"{what} would take {needed} bytes of memory, there are {memory}")


def _memory() -> int:
    """Bytes of this machine's memory; a terabyte where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**40
