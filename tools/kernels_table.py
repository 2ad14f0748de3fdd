"""Write what a GPU would see of the CUDA kernels into `docs/kernels.md`.

`python -m tools.kernels_table` rewrites both tables; it needs nvcc and takes minutes. `--check` changes
nothing. Exit code 1 if a kernel spills registers, or with `--check` if the page is out of date. No number in
it is a time that was measured: registers are nvcc's, bytes are counted by the emulation, the rest is
arithmetic.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import groupby

from pyxai.testing import ops, sample_inputs
from tests.conftest import DTYPES
from tests.emulation.module import ROOT, Launched, emulated
from tools.kernel_resources import ARCHITECTURES, Resources, resources
from tools.kernel_traffic import traffic_table
from tools.markers import rewrite

PAGE = ROOT / "docs" / "kernels.md"
SHARED = {"sm_80": 164 << 10, "sm_90": 228 << 10}  # bytes of a multiprocessor


def launched() -> dict[str, Launched]:
    """Every kernel, after all have run on samples."""
    device = emulated()
    for op in ops():
        for dtype in DTYPES.values():
            for args in sample_inputs(op, dtype=dtype):
                device.call(op.name, args)
    return device.kernels()


def resident(entry: Resources, launch: Launched) -> float:
    """The share of a multiprocessor's 2048 threads that fit at once, by registers and shared memory."""
    registers = -(-entry.registers // 8) * 8 * launch.threads
    of_shared = SHARED[entry.architecture] // (launch.shared + 1024)
    blocks = min(32, 2048 // launch.threads, 65536 // registers, of_shared)
    return blocks * launch.threads / 2048


def stem(kernel: str) -> str:
    """A kernel's name without the types it is compiled for."""
    return kernel.partition("<")[0]


def resource_table(entries: Iterable[Resources], launches: dict[str, Launched]) -> str:
    """Markdown with a row for each kernel; numbers are those of its types, from the least to the most."""
    heads = [f"registers, {a} | resident, {a}" for a in ARCHITECTURES]
    lines = [
        f"| kernel | types | threads | shared bytes | {' | '.join(heads)} | stack bytes | spilled bytes |",
        f"|{'---|' * (6 + 2 * len(ARCHITECTURES))}",
    ]
    for name, group in groupby(sorted(entries, key=lambda e: stem(e.kernel)), lambda e: stem(e.kernel)):
        found = list(group)
        launch = launches[found[0].kernel]
        cells = [f"`{name}`", len({e.kernel for e in found}), launch.threads, launch.shared]
        for architecture in ARCHITECTURES:
            here = [e for e in found if e.architecture == architecture]
            cells.append(spread([e.registers for e in here]))
            cells.append(spread([round(100 * resident(e, launch)) for e in here], " %"))
        cells += [spread([e.stack for e in found]), spread([e.spilled for e in found])]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def spread(values: list[int], unit: str = "") -> str:
    """The least and the greatest of some numbers, or the one that they are."""
    low, high = min(values), max(values)
    return f"{low}{unit}" if low == high else f"{low} to {high}{unit}"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="change nothing, fail if the page is out of date"
    )
    arguments = parser.parse_args(argv)
    entries = resources()
    old = PAGE.read_text()
    new = rewrite(rewrite(old, "resources", resource_table(entries, launched())), "traffic", traffic_table())
    spilling = [entry for entry in entries if entry.spilled]
    for entry in spilling:
        print(f"{entry.kernel} spills {entry.spilled} bytes on {entry.architecture}")
    if not arguments.check:
        PAGE.write_text(new)
    elif new != old:
        print(f"{PAGE} is out of date: run `python -m tools.kernels_table`")
    return int(bool(spilling) or (arguments.check and new != old))


if __name__ == "__main__":
    sys.exit(main())
