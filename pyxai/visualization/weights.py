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
    """1 at all places of the ``count`` channels with the largest attribution at any place, and 0 elsewhere.

    A channel without a positive attribution is never among them. Of attributions that are the same the first
    ones are taken.

    Args:
        attributions: (N, …), whose channels lie along ``axis``.
    """
    by_channel = attributions.movedim(axis, 1)
    largest = by_channel.flatten(2).amax(2) if by_channel.ndim > 2 else by_channel
    order = largest.argsort(dim=1, descending=True, stable=True)
    chosen = torch.zeros_like(largest).scatter_(1, order[:, :count], 1) * (largest > 0)
    places = chosen.view(*chosen.shape, *[1] * (by_channel.ndim - 2))
    return places.expand_as(by_channel).movedim(1, axis).contiguous()


def _whole(number: Any) -> bool:
    real = isinstance(number, int | float) and not isinstance(number, bool)
    return real and float(number).is_integer()
