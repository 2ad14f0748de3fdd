"""How the command line's own process handles memory."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # mallopt(3)
_LARGEST_MMAP_THRESHOLD = 2**25  # what glibc accepts


def keep_freed_memory() -> None:
    """Let glibc reuse the buffers of one model call for the next.

    By default it hands large ones back to the system, which then clears every page anew: up to a tenth of the
    time of a small network. Another C library has no such function and is left alone.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
        set_option(_M_TRIM_THRESHOLD, 2**31 - 1)
