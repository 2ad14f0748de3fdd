"""Rules about the C++ files: what may be included where."""

from __future__ import annotations

from collections.abc import Iterator

from tests.layering.house import House
from tests.layering.includes import Include

TORCH = "csrc/common/torch.h"
STABLE = ("torch/csrc/stable/", "torch/headeronly/")  # what torch promises to keep
UNSTABLE = ("ATen/", "c10/")

# By folder of csrc, what its files must not reach, through whatever headers.
FREE = ("torch/", "cuda", "emulation/", "common/cpu.h", "common/cuda.h", "common/torch.h")
APART = {
    "kernels": FREE,
    "tests": FREE,
    "bindings": FREE,
    "cpu": ("cuda", "emulation/", "common/cuda.h"),
    "cuda": ("common/cpu.h",),
    "emulation": ("cuda", "common/cpu.h", "common/cuda.h", "common/launch.h"),
}


def _all(house: House) -> Iterator[Include]:
    for lines in house.includes.values():
        yield from lines


def torch_has_one_door(house: House) -> Iterator[str]:
    """One file includes torch, and of torch only what keeps its binary interface."""
    for include in _all(house):
        if include.header.startswith(UNSTABLE):
            yield f"{include.place}: <{include.header}> has no stable binary interface"
        elif include.header.startswith("torch/") and include.file != TORCH:
            yield f"{include.place}: only {TORCH} includes torch, this includes <{include.header}>"
        elif include.header.startswith("torch/") and not include.header.startswith(STABLE):
            yield f"{include.place}: <{include.header}> has no stable binary interface"


def processors_stay_apart(house: House) -> Iterator[str]:
    """Arithmetic reaches neither torch nor a processor's loops; CPU, CUDA and the emulation stay apart."""
    for file in house.includes:
        refused = APART.get(file.split("/")[1], ())
        for chain in _chains(house.includes, file):
            if chain[-1].header.startswith(refused):
                through = "".join(f" through {include.file}" for include in chain[1:])
                yield f"{chain[0].place}: must not include {chain[-1].header}, includes it{through}"


def _chains(includes: dict[str, list[Include]], file: str) -> Iterator[list[Include]]:
    """The shortest way by which a file includes each header that it reaches."""
    waiting, seen = [[include] for include in includes[file]], set()
    while waiting:
        chain = waiting.pop(0)
        if chain[-1].header in seen:
            continue
        seen.add(chain[-1].header)
        yield chain
        waiting += [[*chain, include] for include in includes.get(chain[-1].target or "", [])]


def kernels_include_little(house: House) -> Iterator[str]:
    """A kernel includes other kernels, and what is declared for kernels; and all of that is included."""
    declared, found = house.plan.section("kernel_includes"), set()
    for include in _all(house):
        if include.file.startswith("csrc/kernels/") and not include.header.startswith("kernels/"):
            found.add(include.header)
            if include.header not in declared:
                yield f"{include.place}: {include.header} is not declared as what kernels may include"
    for header in declared.keys() - found:
        yield f"{house.plan.place('kernel_includes', header)}: no kernel includes {header}"
