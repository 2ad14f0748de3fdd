"""Prices and rates from step to step."""

import pytest
import torch

from pyxai.visualization.schedule import Rates, price_factor


def test_the_price_grows_at_every_tenth():
    factors = [price_factor(step, 40, "tenths") for step in range(40)]
    assert factors[:5] == [1, 1, 1, 1, 1.2] and factors[-1] == pytest.approx(1.2**9)
    assert [price_factor(step, 40, "continuous") for step in (0, 4, 20)] == pytest.approx([1, 1.23, 1.23**5])


def test_the_rate_falls_where_the_loss_stalls():
    rates = Rates(0.02, 2048, "loss", 2, torch.device("cpu"))
    for step in range(60):
        rate = rates(torch.tensor([-1.0 - step, -1.0]))
    assert rate.tolist() == pytest.approx([0.02, 0.018])


def test_a_loss_must_fall_by_a_part_of_its_size_whatever_its_sign():
    for first, sign in ((-100.0, -1), (100.0, -1)):
        rates = Rates(0.02, 2048, "loss", 1, torch.device("cpu"))
        for step in range(40):
            rate = rates(torch.tensor([first + sign * 0.01 * step]))
        assert rate.tolist() == pytest.approx([0.018])


def test_the_rate_has_a_least():
    rates = Rates(1e-4, 2048, "loss", 1, torch.device("cpu"))
    for _ in range(1000):
        rate = rates(torch.tensor([1.0]))
    assert rate.tolist() == [5e-5]


def test_rate_times_steps_and_patience_are_kept():
    few = Rates(0.02, 128, "loss", 1, torch.device("cpu"))
    found = [float(few(torch.tensor([1.0]))) for _ in range(8)]
    assert found[0] == pytest.approx(0.32) and found[3] == pytest.approx(0.288)


def test_the_rate_falls_by_steps():
    rates = Rates(0.02, 40, "steps", 1, torch.device("cpu"))
    found = [float(rates(torch.tensor([1.0]))) for _ in range(9)]
    assert found[::4] == pytest.approx([1.024, 0.8 * 1.024, 0.64 * 1.024])
