"""How the command line's process handles memory."""

import ctypes
import os
import subprocess
import sys

import pytest


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc")
def test_freed_memory_is_kept_for_the_next_call():
    """Where the system would be asked for every buffer of 16 MiB anew, page by page, it is asked no more."""
    program = (
        "import resource, torch; from pyxai.cli.memory import keep_freed_memory\n"
        "def faults():\n"
        "    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "    buffers = [torch.ones(2**22) for _ in range(4)]\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before\n"
        "asked = min(faults() for _ in range(6)); keep_freed_memory()\n"
        "kept = min(faults() for _ in range(6)); print(asked, kept)"  # the heap grows for up to three passes
    )
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    asked, kept = map(int, done.stdout.split())
    assert asked > 20 and kept <= asked / 10
