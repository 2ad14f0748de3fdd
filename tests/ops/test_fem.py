"""FEM's map against a loop over channels; constant channels, large means, values that are no numbers."""

import numpy as np
import pytest
import torch

from pyxai.ops import fem
from pyxai.testing import ops, run, sample_inputs
from tests.emulation.device import emulation
from tests.emulation.module import MISSING, emulated


def test_bitwise_equal_to_reference_on_cpu(dtype):
    if dtype == torch.float64:
        pytest.skip("torch's square root is an ulp off at times")
    (op,) = (op for op in ops() if op.name == "fem")
    for shape in ((40, 7, 9), (129, 2, 3), (3, 33, 35)):
        for args in sample_inputs(op, dtype=dtype, shape=shape):
            for layout in (torch.contiguous_format, torch.channels_last):
                args = (args[0].contiguous(memory_format=layout), *args[1:])
                assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_formula(layout, strict, weighted):
    values = np.random.default_rng(0).normal(-0.3, 1, (2, 70, 5, 6))
    found = fem(torch.from_numpy(values).contiguous(memory_format=layout), 1.25, strict, weighted)
    expected = np.zeros((2, 5, 6))
    for image, channels in enumerate(values):
        for channel in channels:
            marked = channel > channel.mean() + 1.25 * channel.std()
            expected[image] += (channel.mean() if weighted else 1) * marked
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1 / 3, -7.3])
def test_a_constant_channel_has_no_deviation(constant, dtype):
    values = torch.full((1, 1, 7, 9), constant, dtype=dtype)
    assert torch.equal(fem(values, 1.0, False, True), values[:, 0])
    assert not fem(values, 1.0, True, True).any()


def test_a_small_deviation_from_a_large_mean_counts():
    """A sum of squares would lose it in float32: 1e4² has steps of 8."""
    values = torch.full((1, 1, 4, 4), 1e4)
    values[0, 0, 1, 2] += 0.5
    assert torch.equal(fem(values, 1.0, True, False)[0].nonzero(), torch.tensor([[1, 2]]))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_does_not_become_one(layout, value):
    values = torch.rand(2, 20, 3, 4).contiguous(memory_format=layout)
    values[1, 18, 2, 3] = value
    found = fem(values, 1.0, False, True)
    assert found[0].isfinite().all() and found[1].isnan().all()


EXTREMES = {
    torch.float32: (1e-44, 1e-39, 1e-30, 1e-20, 1e19, 1e25, 1e35, 3e38),
    torch.float64: (5e-322, 1e-310, 1e-200, 1e155, 1e300, 1e308),
}


@pytest.mark.parametrize(
    ("kind", "largest"), [(kind, largest) for kind in EXTREMES for largest in EXTREMES[kind]]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_of_any_size(kind, largest, layout):
    """Squares overflow or vanish from far smaller ones on; the oracle has them all in range."""
    values = np.random.default_rng(0).uniform(-1, 1, (2, 20, 5, 6))
    values[:, 3] = np.abs(values[:, 3]).round(1)
    values = torch.from_numpy(values).to(kind).mul(largest).contiguous(memory_format=layout)
    exact = values.numpy().astype(np.longdouble) / np.longdouble(largest)
    expected, marks = np.zeros((2, 2, 5, 6))
    for image, channels in enumerate(exact):
        for channel in channels:
            marked = channel > channel.mean() + 1.25 * channel.std()
            expected[image] += channel.mean() * marked
            marks[image] += marked
    assert marks.sum() > 50 and np.array_equal(fem(values, 1.25, True, False), marks)
    found = fem(values, 1.25, True, True).numpy().astype(np.longdouble) / np.longdouble(largest)
    step = np.spacing(kind_of(kind)(largest)).astype(np.longdouble) / np.longdouble(largest)
    assert np.abs(found - expected).max() <= 16 * max(float(step), 20 * torch.finfo(kind).eps)


def kind_of(kind):
    return {torch.float32: np.float32, torch.float64: np.float64}[kind]


@pytest.mark.parametrize("largest", [1e-30, 1e-20, 1e19, 3e38])
def test_channels_of_very_different_sizes_have_each_their_own_scale(largest):
    values = torch.rand(1, 2, 6, 7, generator=torch.Generator().manual_seed(1))
    alone = fem(values[:, 1:], 1.0, False, False)
    both = fem(values * torch.tensor([largest, 1]).reshape(1, 2, 1, 1), 1.0, False, False)
    first = fem(values[:, :1], 1.0, False, False)
    assert torch.equal(both, first + alone)


@pytest.mark.parametrize("largest", [1e-39, 1e-20, 1e19, 3e38])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bitwise_equal_to_reference_at_any_size(largest, layout):
    (op,) = (op for op in ops() if op.name == "fem")
    values = torch.rand(2, 70, 5, 6, generator=torch.Generator().manual_seed(2)) - 0.5
    args = (values.mul(largest).contiguous(memory_format=layout), 1.0, False, True)
    expected = run(op.reference, args)[0]
    assert torch.equal(run(op.call, args)[0], expected) and expected.isfinite().all()
    if not MISSING and emulated().has("fem"):
        with emulation():
            assert torch.equal(run(op.call, args)[0], expected)


def test_no_channels_are_a_map_of_zeros():
    assert torch.equal(fem(torch.zeros(2, 0, 3, 4), 1.0, False, True), torch.zeros(2, 3, 4))


def test_messages():
    with pytest.raises(ValueError, match=r"^fem: `values` must have shape \(N, C, H, W\), got \(2, 3\)"):
        fem(torch.zeros(2, 3), 1.0, False, True)
    with pytest.raises(TypeError, match=r"^fem: `k` must be a number, got str"):
        fem(torch.zeros(1, 2, 3, 3), "1", False, True)
    with pytest.raises(ValueError, match=r"^fem: `k` must be a number, got nan"):
        fem(torch.zeros(1, 2, 3, 3), float("nan"), False, True)
