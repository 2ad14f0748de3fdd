"""Whether a manifest that is read holds what a run writes, before anything relies on it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pyxai.engine.errors import InputError
from pyxai.engine.job import CHUNK
from pyxai.engine.store.files import read_json, why
from pyxai.engine.store.layout import bytes_needed, check_entry

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
    for place, (wanted, holds) in _ENTRIES.items():
        value: Any = manifest
        for key in place.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not holds(value):
            raise ValueError(f"`{place}` in manifest.json must be {wanted}, got {repr(value)[:80]}")
    for name, entry in manifest["arrays"].items():
        check_entry(name, entry)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _positive(value: Any) -> bool:
    return type(value) is int and 0 < value < 2**62


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _sizes(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(map(_positive, value))


def _model(value: Any) -> bool:
    return value is None or (isinstance(value, dict) and isinstance(value.get("spec"), str))


_ENTRIES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "method": ("text", _text),
    "model": ("null or an object with the text `spec`", _model),
    "preprocess": ("an object", _object),
    "source.kind": ("text", _text),
    "source.path": ("text", _text),
    "images.count": ("a positive whole number", _positive),
    "images.shape": ("three positive whole numbers", _sizes),
    "images.names": ("text", _text),
    "chunk": (f"a whole number from 1 to {CHUNK}", lambda value: _positive(value) and value <= CHUNK),
    "rows": ("a positive whole number", _positive),
    "threads": (
        f"a whole number from 1 to {_MOST_THREADS}",
        lambda value: _positive(value) and value <= _MOST_THREADS,
    ),
    "arrays": ("an object", _object),
    "explainer.programs": ("a list of objects", _objects),
    "output_kind": ("null or text", lambda value: value is None or isinstance(value, str)),
}


def _check_size(path: Path, manifest: dict[str, Any]) -> None:
    """Nothing the manifest tells makes a reader or a run take memory that this machine does not have."""
    count, images = manifest["images"]["count"], manifest["images"]["shape"]
    listed = os.stat(path / "paths.jsonl", follow_symlinks=False).st_size
    if count * _SHORTEST_LINE > listed:
        raise ValueError(f"paths.jsonl has {listed} bytes, too few for {count} images")
    memory = _memory()
    for what, needed in (
        (f"{count} images", count * _ROW_IN_MEMORY),
        (f"a chunk of {manifest['chunk']} rows", bytes_needed(manifest["arrays"], manifest["chunk"])),
        (f"a call of {manifest['rows']} rows", manifest["rows"] * math.prod(images) * 4),
    ):
        if needed > memory:
            raise ValueError(f"{what} would take {needed} bytes of memory, there are {memory}")


def _memory() -> int:
    """Bytes of this machine's memory; a terabyte where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return 2**40
