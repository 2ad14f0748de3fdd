"""Importing a module that the user names: by its dotted name, or by the path of its file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

_VERSIONS: dict[str, int] = {}  # when the file of a module was written that was run


def import_named(place: str) -> ModuleType:
    """The module ``package.module``, or that of the file ``path/file.py``.

    The working folder, and the folder of a file, are searched too, as ``python -m`` does. A file is run once,
    and again when it has changed.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError, SyntaxError: it cannot be imported.
    """
    _searched(os.getcwd())
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place).resolve()
    if not path.is_file():
        raise FileNotFoundError(f"no such file: {place}")
    _searched(str(path.parent))
    name = f"_named_{hashlib.blake2b(str(path).encode(), digest_size=6).hexdigest()}_{path.stem}"
    version = path.stat().st_mtime_ns
    if name in sys.modules and _VERSIONS.get(name) == version:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    _VERSIONS[name] = version
    return module


def _searched(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)
