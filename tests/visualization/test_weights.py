"""Which channels count, against loops."""

import pytest
import torch

from pyxai.visualization import check_channels, only_channels, strongest_channels


@pytest.mark.parametrize("axis", [1, -1])
def test_only_channels(axis):
    values = torch.randn(2, 5, 4, 5, generator=torch.Generator().manual_seed(0))
    found = only_channels(values, axis, (3, 1))
    for channel in range(5):
        own = values.select(axis, channel) if channel in (1, 3) else torch.zeros(())
        assert (found.select(axis, channel) == own).all()


@pytest.mark.parametrize("axis", [1, -1])
@pytest.mark.parametrize("count", [1, 3, 5])
def test_the_strongest_channels(axis, count):
    values = torch.randn(2, 5, 4, 5, generator=torch.Generator().manual_seed(0))
    values[0, 2] = -1
    found = strongest_channels(values.movedim(1, axis), axis, count).movedim(axis, 1)
    for own, weights in zip(values, found, strict=True):
        best = sorted(range(5), key=lambda channel: -own[channel].max())[:count]
        for channel in range(5):
            wanted = float(channel in best and own[channel].max() > 0)
            assert (weights[channel] == wanted).all()


def test_of_the_same_attributions_the_first_are_taken_and_what_is_not_positive_has_no_weight():
    values = torch.tensor([[2.0, 1, 1, 1], [0, -1, -2, 0]])
    assert strongest_channels(values, 1, 3).tolist() == [[1, 1, 1, 0], [0, 0, 0, 0]]


def test_channels():
    assert check_channels([3.0, 1]) == (3, 1)
    assert check_channels((3, 1), 4) == (3, 1)


@pytest.mark.parametrize(
    ("channels", "most", "message"),
    [
        ((), None, r"`channels` must be one or several numbers of channels, got \(\)"),
        (3, None, "`channels` must be one or several numbers of channels, got 3"),
        ((1.5,), None, "`channels` must be one or several numbers"),
        ((-1,), None, "`channels` must be one or several numbers"),
        ((1, 1), None, r"`channels` must be different from each other, got \(1, 1\)"),
        ((1, 4), 4, r"`channels` must be below 4, the number of channels, got \(1, 4\)"),
    ],
)
def test_messages(channels, most, message):
    with pytest.raises(ValueError, match=message):
        check_channels(channels, most)
