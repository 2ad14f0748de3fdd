"""What was seen of something that ran on the pretended GPU."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from tests.devices.device import is_resident

Counts = dict[str, int]


@dataclass
class Row:
    """A method, an operator or another function, in all of its runs.

    Attributes:
        runs: how often it ran, each time with another network, other options or other arguments.
        host: what happens on the host, where its class says that something does.
        capturing: how often the host waited for the device while a model was captured, at most, by place.
        running: the same of what comes behind that.
        faults: what must not be.
    """

    runs: int = 0
    host: str = ""
    capturing: Counts = field(default_factory=dict)
    running: Counts = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def add(self, *faults: str) -> None:
        self.faults += [fault for fault in dict.fromkeys(faults) if fault not in self.faults]

    def compare(self, name: str, found: Tensor, expected: Tensor) -> None:
        """What was ``found`` is on the device, and what the host computes, in half of its digits at least."""
        if not is_resident(found):
            self.add(f"`{name}` is on {found.device}")
            return
        found = torch.ops.pretended.to_host(found)
        near = torch.finfo(found.dtype).eps ** 0.5 if found.is_floating_point() else 0
        try:
            torch.testing.assert_close(found, expected, rtol=near, atol=near, equal_nan=True)
        except AssertionError as error:
            self.add(f"`{name}` is not what the host computes: {' '.join(str(error).split())}")


def most(known: Counts, counts: Counts) -> Counts:
    """The larger number of each place."""
    return {place: max(known.get(place, 0), counts.get(place, 0)) for place in {**known, **counts}}
