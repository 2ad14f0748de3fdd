"""One thread at a time, as often as it likes; copies and forked processes have a lock of their own."""

import copy
import os
import pickle
import threading

import pytest

from pyxai.locks import Lock


def free(lock: Lock) -> bool:
    """Whether another thread could enter now."""
    entered = threading.Event()

    def enter() -> None:
        with lock:
            entered.set()

    thread = threading.Thread(target=enter, daemon=True)
    thread.start()
    return entered.wait(0.5)


def test_one_thread_at_a_time_as_often_as_it_likes():
    lock = Lock()
    with lock, lock:
        assert not free(lock)
    assert free(lock)
    with pytest.raises(KeyError), lock:
        raise KeyError
    assert free(lock)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda lock: pickle.loads(pickle.dumps(lock))]
)
def test_a_copy_is_a_lock_of_its_own(duplicate):
    lock = Lock()
    with lock:
        assert free(duplicate(lock)) and not free(lock)


def test_a_forked_process_does_not_wait_for_a_thread_it_has_not():
    lock, held, done = Lock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait()

    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if not child:
        with lock:
            os._exit(0)
    done.set()
    assert os.waitpid(child, 0)[1] == 0
