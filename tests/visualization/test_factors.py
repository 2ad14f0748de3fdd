"""Factors of values that are known to have them."""

import sys

import pytest
import torch

from pyxai.visualization import factorize


def parts():
    """Two groups of channels, each active in its own half of a map."""
    spatial, channels = torch.zeros(2, 4, 6, dtype=torch.float64), torch.zeros(2, 5, dtype=torch.float64)
    spatial[0, :, :3], spatial[1, :, 3:] = 2, torch.arange(1.0, 5)[:, None]
    channels[0, :2], channels[1, 2:4] = torch.tensor([3.0, 4]), torch.tensor([1.0, 1])
    return spatial, channels


def values():
    return torch.einsum("ghw,gk->khw", *parts())[None]


def test_groups_that_there_are_are_found():
    spatial, channels = (part[0] for part in factorize(values(), 2))
    wanted = parts()[1] / parts()[1].norm(dim=1, keepdim=True)
    order = [int((channels @ own).argmax()) for own in wanted]
    torch.testing.assert_close(channels[order], wanted, atol=1e-2, rtol=0)
    made = torch.einsum("ghw,gk->khw", spatial, channels)
    torch.testing.assert_close(made, values()[0], atol=0.05, rtol=0)
    assert (spatial >= 0).all() and torch.allclose(channels.norm(dim=1), torch.ones(2).double())


def test_an_image_does_not_depend_on_its_mates():
    several = torch.rand(3, 5, 4, 6, generator=torch.Generator().manual_seed(0)) - 0.3
    together = factorize(several, 3)
    for row in range(3):
        alone = factorize(several[row : row + 1], 3)
        assert all(torch.equal(one[row], own[0]) for one, own in zip(together, alone, strict=True))
    positive = factorize(several.clamp(min=0), 3)
    assert all(torch.equal(one, own) for one, own in zip(together, positive, strict=True))


def test_nothing_positive_has_no_factors():
    with pytest.warns(UserWarning, match="no value of the layer is positive for row 1"):
        spatial, channels = factorize(torch.cat([values(), -values()]), 2)
    assert not spatial[1].any() and not channels[1].any() and channels[0].any()


def test_messages(monkeypatch):
    with pytest.raises(ValueError, match="`groups` must be at most 5, the number of channels or of places"):
        factorize(values(), 6)
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(ImportError, match="a factorization"):
        factorize(values(), 2)
