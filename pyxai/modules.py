"""Importing a module that the user names: by its dotted name, or by the path of its file."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType


def import_named(place: str) -> ModuleType:
    """The module ``package.module``, or that of the file ``path/file.py``.

    The working folder, and the folder of a file, are searched too, as ``python -m`` does.

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
    spec = importlib.util.spec_from_file_location(f"_named_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _searched(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)
