"""Everything that can be asked for by name: one folder for each family of methods, one file for each method.

A class in a file of these folders that derives from :class:`Method` and has a ``name`` is a method: it is
listed, explained with, run by ``pyxai explain`` and documented without being entered anywhere else.
"""

from pyxai.capture.needs import Needs
from pyxai.methods.explanation import Explanation
from pyxai.methods.method import Method
from pyxai.methods.options import Option
from pyxai.methods.request import Maps, Request
from pyxai.methods.table import build, fill_options, get_method, list_methods, parse_options

__all__ = [
    "Explanation",
    "Maps",
    "Method",
    "Needs",
    "Option",
    "Request",
    "build",
    "fill_options",
    "get_method",
    "list_methods",
    "parse_options",
]
