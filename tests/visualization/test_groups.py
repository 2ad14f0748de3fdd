"""Groups of channels in attributions that were made of them."""

import pytest
import torch

from pyxai.visualization import channel_groups

GROUPS = [(0, 3, 5), (1, 4), (2, 6, 7)]


def attributions(count=8, sign=1.0, noise=0.02):
    """(N, 10, 6, 6): each group has a map of its own in every image; channels 8 and 9 count for nothing."""
    generator = torch.Generator().manual_seed(0)
    found = torch.zeros(count, 10, 6, 6)
    for group in GROUPS:
        shared = torch.rand(count, 6, 6, generator=generator) ** 4
        for channel in group:
            found[:, channel] = shared + noise * torch.rand(count, 6, 6, generator=generator)
    return sign * found


def test_the_groups_there_are_are_found():
    assert sorted(channel_groups(attributions(), part=1.0)) == GROUPS


def test_the_size_of_scores_does_not_matter():
    assert channel_groups(1000 * attributions(), part=1.0) == channel_groups(attributions(), part=1.0)


def test_places_need_be_no_map():
    flat = attributions().flatten(2)
    assert channel_groups(flat, part=1.0) == channel_groups(attributions(), part=1.0)


def test_channels_with_small_attributions_are_left_out():
    weak = attributions()
    weak[:, [3, 4, 7]] *= 0.01
    found = channel_groups(weak, part=0.9)
    assert {channel for group in found for channel in group} == {0, 1, 2, 5, 6}


def test_few_channels_have_part_of_the_sum():
    """Two of five equal ones have 0.3 of their sum: one alone has 0.2."""
    values = torch.rand(1, 5, 6, 6, generator=torch.Generator().manual_seed(0))
    values /= values.amax((2, 3), keepdim=True)
    with pytest.raises(ValueError, match="`attributions` must be positive in 3 channels or more, got 2"):
        channel_groups(values)


def test_independent_channels_are_no_groups():
    noise = torch.rand(4, 40, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match="4 factors explain .*% of the variance"):
        channel_groups(noise, part=1.0)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        (attributions(sign=-1.0), {}, "`attributions` must be positive in 3 channels or more, got 0"),
        (torch.zeros(2, 3), {}, r"`attributions` must be finite, of shape \(N, K, …\)"),
        (torch.full((1, 3, 2, 2), torch.nan), {}, "`attributions` must be finite"),
        (attributions(), {"part": 0}, "`part` must lie above 0 and not above 1, got 0"),
        (attributions(), {"part": 1.0, "least": 9.0}, "`least` must be reached by the loading of a channel"),
    ],
)
def test_messages(values, options, message):
    with pytest.raises(ValueError, match=message):
        channel_groups(values, **options)
