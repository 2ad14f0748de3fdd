"""What nvcc says of every CUDA kernel: registers, stack and spills, on each architecture."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ("sm_80", "sm_90")
FLAGS = ("-std=c++17", "-O3", "--fmad=false", "--expt-relaxed-constexpr", "--resource-usage", "-fatbin")
COMPILED = re.compile(
    r"Compiling entry function '(?P<kernel>\w+)' for '(?P<architecture>sm_\d+)'.*?"
    r"(?P<stack>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill "
    r"loads.*?Used (?P<registers>\d+) registers",
    re.S,
)


@dataclass(frozen=True)
class Resources:
    """What a kernel takes on an architecture: registers of a thread, bytes of its stack and of spills."""

    kernel: str
    architecture: str
    registers: int
    stack: int
    spilled: int


def parse(said: str) -> list[Resources]:
    """Resources from what ``nvcc --resource-usage`` says, names as they are in C++."""
    found = [match.groupdict() for match in COMPILED.finditer(said)]
    mangled = "\n".join(entry["kernel"] for entry in found)
    readable = subprocess.run(["c++filt"], input=mangled, capture_output=True, text=True, check=True).stdout
    return [
        Resources(
            name.partition("(")[0].removeprefix("void ").replace("pyxai::", ""),
            entry["architecture"],
            int(entry["registers"]),
            int(entry["stack"]),
            int(entry["stores"]) + int(entry["loads"]),
        )
        for name, entry in zip(readable.splitlines(), found, strict=True)
    ]


def resources() -> list[Resources]:
    """Those of every kernel of csrc/cuda. Compiling takes minutes.

    Raises:
        RuntimeError: what the compiler says of a source that it does not compile.
    """
    (torch,) = importlib.util.find_spec("torch").submodule_search_locations
    targets = [f"-gencode=arch=compute_{a[3:]},code={a}" for a in ARCHITECTURES]
    includes = ["-Icsrc", "-isystem", f"{torch}/include"]

    def compiled(source: Path) -> str:
        with tempfile.TemporaryDirectory() as folder:
            command = ["nvcc", *FLAGS, *targets, *includes, source, "-o", f"{folder}/out"]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout + done.stderr

    with ThreadPoolExecutor(2) as pool:
        said = pool.map(compiled, sorted((ROOT / "csrc/cuda").glob("*.cu")))
    return sorted(set(parse("\n".join(said))), key=lambda entry: (entry.kernel, entry.architecture))
