"""``python -m tests.devices [NAME …]``: run the package's Python on a pretended GPU, and say what it did.

NAME is a method, an operator or a function of `tests/devices/functions.py`; without any, all are run. Each
gets a line: how often it ran, where, and how often the host waited for the device, while models were captured
and in a call behind that; then come the places. Ends with an error where one mixes devices, makes a tensor on
the wrong one, or waits in every step.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tests.devices import library

library.load()  # before torch is imported

import torch  # noqa: E402

import pyxai  # noqa: E402
from pyxai import testing  # noqa: E402
from tests.devices import planted  # noqa: E402
from tests.devices.functions import FUNCTIONS, function_row  # noqa: E402
from tests.devices.methods import method_row  # noqa: E402
from tests.devices.operators import operator_row  # noqa: E402
from tests.devices.rows import Row  # noqa: E402


def calls(kernels: bool) -> dict[str, dict[str, Callable[[], Row]]]:
    """What can be run, by kind and name."""
    mistakes = [method.name for method in planted.METHODS]
    methods = [name for name in pyxai.list_methods() if name not in mistakes]
    return {
        "method": {name: partial(method_row, name, kernels) for name in methods},
        "operator": {op.name: partial(operator_row, op) for op in testing.ops()},
        "function": {name: partial(function_row, function) for name, function in FUNCTIONS.items()},
        "planted": {name: partial(method_row, name) for name in mistakes},
    }


def line(kind: str, name: str, row: Row) -> str:
    """A row in one line, and one more for each fault."""
    waits = f"{sum(row.capturing.values())} + {sum(row.running.values())}"
    where = f"on the host, where {row.host}" if row.host else "on the device"
    head = f"{kind:8}  {name:20}  {row.runs:2} × {where}, waits {waits} times"
    return "\n".join([head, *(f"    {fault}" for fault in row.faults)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write all rows, and those of planted mistakes"
    )
    parser.add_argument(
        "--kernels", action="store_true", help="methods use the CUDA kernels, executed on the host"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows: dict[str, dict[str, Row]] = {}
    for kind, known in calls(arguments.kernels).items():
        wanted = arguments.names or (known if kind != "planted" or arguments.json else ())
        rows[kind] = {}
        for name in filter(wanted.__contains__, known):
            rows[kind][name] = known[name]()
            print(line(kind, name, rows[kind][name]), flush=True)
    every = [row for found in rows.values() for row in found.values()]
    print("The host waits at")
    places = Counter(place for row in every for place in row.capturing | row.running)
    for place, count in sorted(places.items()):
        print(f"    {place:48}  in {count} of {len(every)}")
    if arguments.json:
        plain = {kind: {name: asdict(row) for name, row in found.items()} for kind, found in rows.items()}
        arguments.json.write_text(json.dumps(plain))
    return 1 if any(row.faults for row in every) else 0


if __name__ == "__main__":
    sys.exit(main())
