"""What the sweep finds on one network."""

from __future__ import annotations

import gc
import multiprocessing
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pyxai.capture import export
from tests.sweep.architectures import Architecture, Constant
from tests.sweep.checks import CHECKS, Outcome, judge


@dataclass(frozen=True)
class Row:
    """What the methods did on one network.

    Attributes:
        architecture: which.
        parameters: how many it has.
        single: whether it computes in single precision inside.
        outcomes: method to outcome; empty where its scores are constant.
    """

    architecture: Architecture
    parameters: int
    single: bool
    outcomes: Mapping[str, Outcome]


def sweep(architecture: Architecture) -> Row:
    """Build the network and judge each method on it."""
    try:
        subject = architecture.subject()
    except Constant:
        return Row(architecture, 0, False, {})
    parameters = sum(parameter.numel() for parameter in subject.model.parameters())
    with one_trace():
        outcomes = {check.method: judge(check, subject) for check in CHECKS}
    return Row(architecture, parameters, subject.single, outcomes)


def swept(architecture: Architecture) -> tuple[Row, float]:
    """What is found on a network, and the seconds of a processor that took."""
    torch.set_num_threads(1)
    begun = time.process_time()
    row = sweep(architecture)
    gc.collect()  # a graph holds itself, and its weights
    return row, time.process_time() - begun


def each(architectures: Sequence[Architecture], jobs: int) -> Iterator[tuple[Row, float]]:
    """:func:`swept` of each in order, in as many processes."""
    if jobs == 1:
        yield from map(swept, architectures)
        return
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(swept, architectures)


@contextmanager
def one_trace() -> Iterator[None]:
    """Explainers of one model share what torch.export makes of it, which takes longer than all the rest."""
    trace, kept = export._trace, {}

    def shared(classifier: nn.Module, example: Tensor, dynamic: dict | None):
        key = *map(id, classifier.parameters()), example.shape, dynamic is None  # copies share parameters
        if key not in kept:
            kept[key] = trace(classifier, example, dynamic)
        return kept[key]

    export._trace = shared
    try:
        yield
    finally:
        export._trace = trace
