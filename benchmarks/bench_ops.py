"""Every operator beside the best eager chain: time, share of the bandwidth of a copy, and added memory.

`python -m benchmarks.bench_ops [--quick] [--only OPERATOR]`; the cases stand in `benchmarks/ops/`, one file
per operator.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Sequence

import benchmarks.ops
from benchmarks.harness import Claim, begin, copy_bandwidth, finish, options, peak_memory
from benchmarks.ops import Case
from pyxai.bench import interleave

OPERATORS = tuple(module.name for module in pkgutil.iter_modules(benchmarks.ops.__path__))


def cases(device: str, operators: Sequence[str] = OPERATORS) -> Iterator[tuple[str, int, Case]]:
    """(file, number within it, case) for every operator."""
    for name in operators:
        for number, case in enumerate(importlib.import_module(f"benchmarks.ops.{name}").cases(device)):
            yield name, number, case


def call(stem: str, number: int, which: str) -> Callable[[], object]:
    """One side of one case, for `peak_memory` in a process of its own."""
    for number_, case in enumerate(importlib.import_module(f"benchmarks.ops.{stem}").cases("cpu")):
        if number_ == number:
            return getattr(case, which)
    raise ValueError(f"benchmarks.ops.{stem} has no case {number}")


def main(argv: list[str] | None = None) -> None:
    given = options(__doc__, argv, OPERATORS)
    results = begin("ops", given)
    results.copy_bytes_per_second = copy_bandwidth(given.device, rounds=given.rounds)
    for stem, number, case in cases(given.device, [given.only] if given.only else OPERATORS):
        functions = {"native": case.native, "eager": case.eager}
        seconds = interleave(functions, given.rounds, at_least=given.at_least)
        results.add(case.what, seconds, Claim("native", "eager", 1.0), bytes=case.bytes)
        if number == 1 and given.device == "cpu" and not given.quick:  # several images: the chain copies
            memory = {
                which: peak_memory("benchmarks.bench_ops:call", stem=stem, number=number, which=which).added
                for which in ("native", "eager")
            }
            for which, added in memory.items():
                results.state(f"{case.what}: memory added, {which}", added / 2**20, "MiB")
    finish(results, given)


if __name__ == "__main__":
    main()
