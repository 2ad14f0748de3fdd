"""Zarr's thread is ended in order when the process ends."""

from __future__ import annotations

import atexit

from zarr.core import sync

_LONGEST = 10.0  # seconds to wait for the thread, which has nothing left to do


def end_thread() -> None:
    """Stop the event loop by which Zarr reads and writes, and wait for its thread.

    Zarr does so itself when the process ends, but waits for a fifth of a second only and then closes a loop
    that may still be running, as on a busy machine, which prints an error after the last line of a run.
    """
    loop, thread = sync.loop[0], sync.iothread[0]
    if loop is not None and thread is not None:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_LONGEST)


atexit.register(end_thread)  # functions are called from the last registered on, so this one before Zarr's
