"""pytorch-wavelets 1.3.0 reads its tables with ``pkg_resources``, which setuptools no longer has."""

import importlib.resources
import importlib.util
import sys
import types


def install() -> None:
    """Stand in for the one function it calls, where the package is missing."""
    if "pkg_resources" not in sys.modules and importlib.util.find_spec("pkg_resources") is None:
        stand_in = types.ModuleType("pkg_resources")
        stand_in.resource_stream = lambda package, name: (
            importlib.resources.files(package).joinpath(name).open("rb")
        )
        sys.modules["pkg_resources"] = stand_in


def _resource_stream(package: str, name: str):
    return importlib.resources.files(package).joinpath(name).open("rb")
