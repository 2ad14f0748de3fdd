"""A process that watches over a run and says what the run was doing when it was ended, or hung.

Code of a model may end its process (a fault in native code, memory that runs out, ``os._exit``) or never
return, and then nothing in that process can say so. So the process that was started forks before torch is
imported: the child does all the work, and the parent waits for it.
"""

from __future__ import annotations

import ctypes
import gc
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from pyxai.cli.messages import say, speaks
from pyxai.cli.notice import Noted, Notice
from pyxai.engine import InputError, RunError
from pyxai.engine.runner.progress import Progress

# Sent by who wants a run to end, and knows why it did. By name, as not every system has all.
_REQUESTS = {number for number in signal.Signals if number.name in ("SIGHUP", "SIGINT", "SIGTERM")}
_AWAITED = _REQUESTS | {n for n in signal.Signals if n.name in ("SIGCHLD", "SIGCONT", "SIGALRM")}
_PR_SET_PDEATHSIG = 1  # prctl(2)
_GO_ON = "what is stored is whole: continue with --resume"


@contextmanager
def supervised(timeout: float | None) -> Iterator[Callable[[Progress], Progress]]:
    """The block, and all that follows it, is done by a child of this process.

    This process waits for it and ends with its exit code. A child that ended otherwise than by leaving the
    block is an error: one line that says what it was doing, and exit code 1. Where that cannot be, on other
    systems than Linux and where torch or other threads are there already, the block is done by this process.

    Args:
        timeout: seconds that a step may take, which is what ``Progress.doing`` says between ``begin`` and
            ``end``; None for any time.

    Yields:
        A function that makes a run's progress known to the parent.

    Raises:
        InputError: there is a ``timeout``, and nobody to see to it.
        RunError: the system gives no process.
    """
    if sys.platform != "linux" or "torch" in sys.modules or threading.active_count() > 1:
        if timeout is not None:
            raise InputError("--timeout is for `pyxai explain` as a command of its own, on Linux")
        yield lambda progress: progress
        return
    notice, parent = Notice(), os.getpid()
    gc.freeze()  # else the child's first collection would copy every page that the two share
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would not be sent
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    try:
        child = os.fork()
    except OSError as error:
        raise RunError(f"cannot start the process of the run: {error.strerror}") from error
    if child:
        os._exit(_watch(child, notice, timeout))
    _end_with(parent)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _Interrupt())
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        yield partial(Noted, notice)
    except SystemExit:  # code of the model asked for it
        raise
    except BaseException:
        notice.conclude()
        raise
    notice.conclude()


class _Interrupt:
    """Handles SIGINT as Python does, but takes several within a second for one.

    What is sent to a group of processes comes twice: by itself, and from the parent.
    """

    def __init__(self):
        self._last = -math.inf

    def __call__(self, number: int, frame: object) -> None:
        last, self._last = self._last, time.monotonic()
        if self._last - last > 1:
            raise KeyboardInterrupt


def _end_with(parent: int) -> None:
    """A parent that is killed takes this process along, also one that is stuck in native code."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:  # it died before that
        os._exit(1)


def _watch(child: int, notice: Notice, timeout: float | None) -> int:
    """Wait for the child, say how it ended if it could not; the exit code."""
    code, late = _wait(child, notice, timeout)
    if code >= 0 and notice.concluded:
        return code
    if -code in _REQUESTS:
        # that ended by a signal only after it had said how it ends: there is nothing to add
        return 128 - code if notice.concluded else _end_by(signal.Signals(-code))
    if late:
        how = f": {late} took longer than --timeout {timeout:g}"
    else:
        by = f"an exit with code {code}" if code >= 0 else _name(-code)
        how = f" by {by} while {notice.read().what}"
    _leave_the_bar()
    say(f"the run was ended{how}; {_GO_ON}")
    return 1


def _wait(child: int, notice: Notice, timeout: float | None) -> tuple[int, str]:
    """Until the child has ended: its exit code, negative for a signal, and what took too long, if it did."""
    awake = -math.inf
    if timeout is not None:
        _look_in(timeout)
    while True:
        came = signal.sigwaitinfo(_AWAITED)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), ""
        by_process = came.si_code <= 0
        if came.si_signo in _REQUESTS and (by_process or came.si_signo != signal.SIGINT):
            os.kill(child, came.si_signo)  # Ctrl-C, by the kernel, has reached the child, too
        if signal.SIGCONT in {came.si_signo, *signal.sigpending()}:
            awake = time.monotonic()  # after Ctrl-Z: the time in which all was stopped does not count
        if timeout is None or came.si_signo != signal.SIGALRM:
            continue
        step = notice.read()
        left = timeout
        if step.limited:
            left -= time.monotonic() - max(step.since, awake)
        if left <= 0:
            os.kill(child, signal.SIGKILL)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            return code, step.what if code == -signal.SIGKILL else ""
        _look_in(left)


def _look_in(seconds: float) -> None:
    """SIGALRM comes after that time, or earlier: a timer takes no time however short or long."""
    signal.setitimer(signal.ITIMER_REAL, min(max(seconds, 1e-3), 86400.0))


def _end_by(number: signal.Signals) -> int:
    """End as the child did, so that who started this process sees the signal, too."""
    _leave_the_bar()
    if speaks():
        say(f"ended by {number.name}; a run that has begun continues with --resume")
    signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    return 128 + number


def _leave_the_bar() -> None:
    """A progress bar that nobody ended: its line is cleared, and the cursor shown that it hid."""
    if sys.stderr.isatty():
        print("\r\x1b[K\x1b[?25h", end="", file=sys.stderr)


def _name(number: int) -> str:
    if number == signal.SIGKILL:
        return "SIGKILL (out of memory?)"
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have none
        return f"signal {number}"
