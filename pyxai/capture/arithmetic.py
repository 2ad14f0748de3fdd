"""The arithmetic that models are called with, whatever the process has set; all settings come back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

import torch

from pyxai.locks import Lock


class _Exact:
    """Settings of the process: the first thread that needs them makes them, the last takes them back."""

    def __init__(self) -> None:
        self._lock, self._inside, self._settings = Lock(), 0, ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                matmul = torch.backends.cuda.matmul
                self._settings.callback(setattr, matmul, "allow_tf32", matmul.allow_tf32)
                matmul.allow_tf32 = False
                exact = {"benchmark": False, "deterministic": True, "allow_tf32": False}
                self._settings.enter_context(torch.backends.cudnn.flags(**exact))

    def __exit__(self, *_: Any) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._settings.close()


_EXACT = _Exact()


def exact_arithmetic(device: torch.device) -> AbstractContextManager[None]:
    """On CUDA: no TF32, no algorithm whose result changes from call to call; settings come back after."""
    return _EXACT if device.type == "cuda" else nullcontext()


@contextmanager
def unaffected(device: torch.device) -> Iterator[None]:
    """Whatever the caller has set: no autograd but one's own, no autocast, exact arithmetic."""
    with (
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(device.type, enabled=False),
        exact_arithmetic(device),
    ):
        yield
