"""Which channels of a layer count, and which neurons in place of attributions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from pyxai.checks import expect, shown


def check_channels(channels: Any, most: int | None = None) -> tuple[int, ...]:
    """Channels by number, each once, as whole numbers.

    Args:
        channels: a tuple or list of them, in any order.
        most: how many channels there are; None where that is not known.

    Raises:
        ValueError: there are none, one is no number of a channel, or one comes twice.
    """
    several = isinstance(channels, tuple | list) and len(channels) > 0
    fits = several and all(_whole(number) and number >= 0 for number in channels)
    expect(fits, "channels", "be one or several numbers of channels", shown(channels))
    found = tuple(int(number) for number in channels)
    expect(len(set(found)) == len(found), "channels", "be different from each other", shown(found))
    if most is not None:
        expect(max(found) < most, "channels", f"be below {most}, the number of channels", shown(found))
    return found


def only_channels(attributions: Tensor, axis: int, channels: Iterable[int]) -> Tensor:
    """``attributions`` of some channels, and 0 in all others; the channels lie along ``axis``."""
    index = torch.tensor(tuple(channels), device=attributions.device)
    kept = torch.zeros_like(attributions)
    return kept.index_copy_(axis, index, attributions.index_select(axis, index))


def strongest_channels(attributions: Tensor, axis: int, count: int) -> Tensor:
    """1 for the ``count`` channels with the largest positive attributions at each place, 0 for all others.

    Of attributions that are the same the first ones are taken.

    Args:
        attributions: any shape, whose channels lie along ``axis``.
    """
    order = attributions.argsort(dim=axis, descending=True, stable=True)
    strongest = order.narrow(axis, 0, count)
    chosen = torch.zeros_like(attributions).scatter_(axis, strongest, 1)
    return chosen * (attributions > 0)


def _whole(number: Any) -> bool:
    real = isinstance(number, int | float) and not isinstance(number, bool)
    return real and float(number).is_integer()
