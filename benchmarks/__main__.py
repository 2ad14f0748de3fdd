"""Run every benchmark, each in a process of its own, and write the README's tables: `python -m benchmarks`.

Arguments are handed on (`--quick`, `--threads 2`, …). Exit code 1 if one of them failed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import table


def main() -> int:
    failed = []
    for path in sorted(Path(__file__).parent.glob("bench_*.py")):
        print(f"--- {path.stem}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}", *sys.argv[1:]]).returncode:
            failed.append(path.stem)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
        return 1
    return 0 if "--quick" in sys.argv else table.main([])


if __name__ == "__main__":
    sys.exit(main())
