"""The RevealCancel rule of a ReLU: the paper's formula, its example, and parts that are zero."""

import torch

from pyxai.ops import reveal_cancel_relu
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "reveal_cancel_relu")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        for actual, expected in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.equal(actual, expected)


def random_parts():
    """Multipliers m⁺, m⁻, a baseline, and contributions Δ⁺ ≥ 0 ≥ Δ⁻, (5, 1000) float64."""
    m_positive, m_negative, baseline, positive, negative = torch.randn(5, 5, 1000, dtype=torch.float64)
    return m_positive, m_negative, baseline, positive.abs(), -negative.abs()


def call(m_positive, m_negative, baseline, positive, negative):
    mean, spread = reveal_cancel_relu(
        (m_positive + m_negative) / 2,
        (m_positive - m_negative) / 2,
        baseline + positive + negative,
        baseline,
        positive - negative,
    )
    return mean + spread, mean - spread


def test_formula():
    m_positive, m_negative, x0, positive, negative = parts = random_parts()
    g, x = torch.relu, x0 + positive + negative
    y_positive = (g(x0 + positive) - g(x0) + g(x) - g(x0 + negative)) / 2
    y_negative = (g(x0 + negative) - g(x0) + g(x) - g(x0 + positive)) / 2
    above, below = call(*parts)
    torch.testing.assert_close(above * positive, m_positive * y_positive, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(below * negative, m_negative * y_negative, rtol=1e-12, atol=1e-12)


def test_contributions_sum_to_the_difference():
    _, _, x0, positive, negative = parts = random_parts()
    ones = torch.ones_like(x0)
    above, below = call(ones, ones, *parts[2:])
    difference = torch.relu(x0 + positive + negative) - torch.relu(x0)
    torch.testing.assert_close(above * positive + below * negative, difference, rtol=1e-12, atol=1e-12)


def test_the_smaller_of_two_numbers():
    """relu(10 - 6): 7 of the 4 are due to the 10 and -3 to the 6, so each has half of min(10, 6)."""
    one, zero = torch.ones(1, 1), torch.zeros(1, 1)
    above, below = call(one, one, zero, torch.tensor([[10.0]]), torch.tensor([[-6.0]]))
    torch.testing.assert_close(above * 10, torch.tensor([[7.0]]))
    torch.testing.assert_close(below * -6, torch.tensor([[-3.0]]))


def test_without_spread():
    mean, _, x0, positive, negative = random_parts()
    rest = x0 + positive + negative, x0, positive - negative
    expected = reveal_cancel_relu(mean, torch.zeros_like(mean), *rest)
    for actual, wanted in zip(reveal_cancel_relu(mean, None, *rest), expected, strict=True):
        assert torch.equal(actual, wanted)


def test_a_part_that_is_zero_contributes_zero():
    """Its multiplier is finite, that of an infinitely small part: no pseudocount moves it."""
    x0 = torch.tensor([[1.0, -1.0, 1.0, -1.0, 0.0]])
    zero, down = torch.zeros_like(x0), torch.full_like(x0, -0.5)
    above, below = call(torch.ones_like(x0), torch.ones_like(x0), x0, zero, down)
    assert torch.equal(above, torch.tensor([[1.0, 0.0, 1.0, 0.0, 0.0]]))
    assert torch.equal(below * down, torch.relu(x0 + down) - torch.relu(x0))


def test_multipliers_stay_in_range_where_parts_cancel():
    """Contributions of the size of rounding errors give slopes in [0, 1], not quotients of noise."""
    generator = torch.Generator().manual_seed(1)
    x0 = torch.randn(1, 10000, generator=generator)
    tiny = torch.rand(1, 10000, generator=generator) * 1e-7
    above, below = call(torch.ones_like(x0), torch.ones_like(x0), x0, tiny, -tiny)
    for multiplier in (above, below):
        assert multiplier.min() >= -1e-6
        assert multiplier.max() <= 1 + 1e-6
