"""The end of a process that has used Zarr."""

import subprocess
import sys

BUSY = """
import time
{ending}
from zarr.core import sync
sync._get_loop().call_soon_threadsafe(time.sleep, 0.6)
"""


def ended(ending: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", BUSY.format(ending=ending)]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_process_whose_thread_is_late_ends_silently():
    done = ended("import pyxai.engine.store.store")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_zarr_alone_would_complain():
    """Else there is nothing to wait for, and the function can go."""
    assert "Cannot close a running event loop" in ended("").stderr
