"""``pyxai info`` and ``pyxai methods``."""

from __future__ import annotations

import sys


def info() -> None:
    """Versions, devices, and for each operator and device whether it is native, and why."""
    import os
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import torch

    import pyxai
    from pyxai import ops

    print(f"pyxai {pyxai.__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name in (
        "torch",
        "numpy",
        "scipy",
        "pillow",
        "zarr",
        "captum",
        "timm",
        "torchvision",
        "transformers",
    ):
        try:
            print(f"{name} {version(name)}", end="  ")
        except PackageNotFoundError:
            print(f"{name} not installed", end="  ")
    print(f"\ncpu: {torch.backends.cpu.get_cpu_capability()}, {os.cpu_count()} cores", end=", ")
    print(f"{torch.get_num_threads()} threads")
    for index in range(torch.cuda.device_count()):
        print(f"cuda:{index}: {torch.cuda.get_device_name(index)}")
    rows = [[entry["op"], entry["device"], entry["backend"], entry["why"]] for entry in ops.status()]
    _table(["operator", "device", "backend", "why"], rows)


def methods() -> None:
    """The methods with their families, what they need, and their options with types and defaults."""
    from pyxai.methods import get_method, list_methods

    rows = []
    for method in map(get_method, list_methods()):
        options = [
            f"{option.name}: {option.kind} = {option.default!r}" for option in method.options().values()
        ]
        rows.append([method.name, method.family, str(method.needs), "\n".join(options) or "none"])
    _table(["method", "family", "needs", "options"], rows)


def _table(headings: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings, box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*row)
    # cut to the terminal, but not to the 80 columns assumed where there is none
    console = Console() if sys.stdout.isatty() else Console(width=160)
    console.print(table, markup=False)
