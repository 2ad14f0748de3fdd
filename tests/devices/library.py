"""The library of the pretended GPU: built where it is out of date, loaded before torch is imported."""

from __future__ import annotations

import ctypes
import fcntl
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("pretended.cpp")
FOLDER = Path(__file__).resolve().parents[2] / "build" / "devices"
COMPILER = shutil.which(os.environ.get("CXX", "c++"))


def build() -> Path:
    """The library for the torch that is installed. One process builds it, others wait."""
    library = FOLDER / f"pretended-{importlib.metadata.version('torch')}.so"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists() or library.stat().st_mtime < SOURCE.stat().st_mtime:
            _compile(library)
    return library


def load() -> None:
    """Make the device known to this process, which must not have imported torch."""
    ctypes.CDLL(str(build()))


def _compile(library: Path) -> None:
    (torch,) = importlib.util.find_spec("torch").submodule_search_locations
    command = [COMPILER, "-std=c++17", "-O1", "-Wall", "-fPIC", "-shared", "-isystem", f"{torch}/include"]
    unfinished = library.with_suffix(".new")
    command += [str(SOURCE), "-o", str(unfinished), f"-L{torch}/lib", f"-Wl,-rpath,{torch}/lib"]
    done = subprocess.run([*command, "-ltorch_cpu", "-lc10"], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    unfinished.replace(library)
