"""Importing what may not be there: a module that the user names, a package that is not required."""

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


def need(package: str, what: str, install: str | None = None) -> ModuleType:
    """The module ``package``, which does not come with pyxai.

    Args:
        package: its dotted name.
        what: what cannot do without it, the beginning of the message.
        install: what pip calls it; default the name.

    Raises:
        ImportError: it is not installed, with the command that installs it; or it is and cannot be imported,
            with the reason.
    """
    try:
        return importlib.import_module(package)
    except Exception as error:  # a package that does not fit the others may raise anything
        top = package.partition(".")[0]
        install = install or top
        if importlib.util.find_spec(top) is None:
            raise ImportError(f"{what} needs {install}: pip install {install}") from None
        reason = " ".join(str(error).split())[:200]
        raise ImportError(f"{what}: {top} is installed but cannot be imported: {reason}") from None


def _searched(folder: str) -> None:
    if folder not in sys.path:
        sys.path.append(folder)
