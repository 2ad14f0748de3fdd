"""Measure the memory of one call; run by `harness.peak_memory` in a process of its own."""

from __future__ import annotations

import gc
import importlib
import json
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def resident(field: str) -> int:
    """Bytes in `/proc/self/status`: `VmRSS` now, `VmHWM` at most since the mark was reset."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field + ":"))
    return int(line.split()[1]) * 1024


def main() -> None:
    module, _, name = sys.argv[1].partition(":")
    call = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # sets the high-water mark back to the present size
    before = resident("VmRSS")
    call()
    print(json.dumps({"before": before, "peak": resident("VmHWM")}))


if __name__ == "__main__":
    main()
