"""Operators behind the methods: native on CPU and CUDA where compiled, readable references elsewhere.

Every file here that does not start with an underscore is one operator, with its form in place if it has
one; its ``__all__`` is re-exported, so adding an operator edits no list.
"""

import importlib
import pkgutil

from pyxai import _native  # noqa: F401  (registers the native kernels)
from pyxai.ops._define import evidence, status

__all__ = ["evidence", "status"]

for _module in pkgutil.iter_modules(__path__):
    if not _module.name.startswith("_"):
        _names = importlib.import_module(f"{__name__}.{_module.name}")
        __all__ += _names.__all__
        globals().update({name: getattr(_names, name) for name in _names.__all__})
