"""Noisy copies: the operator is the sum of an image and normal_noise, whatever the layout."""

import pytest
import torch

from pyxai.ops import add_noise, normal_noise
from pyxai.testing import ops, run, sample_inputs


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "add_noise")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 47, 61)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("shape", [(3, 40, 41), (70, 5, 7)])
def test_is_image_plus_noise(layout, shape):
    images = torch.randn(2, *shape).contiguous(memory_format=layout)
    index, ids, draws = torch.tensor([1, 0, 1]), torch.tensor([11, 2**40]), torch.tensor([4, 4, 5])
    scale = torch.tensor([0.5, 0.25])
    noisy = add_noise(images, index, ids, draws, scale, seed=9)
    assert noisy.is_contiguous(memory_format=layout)
    noise = normal_noise(ids[index], draws, 9, shape)
    assert torch.equal(noisy, images[index] + scale[index].view(-1, 1, 1, 1) * noise)


def test_noise_follows_the_identity_not_the_position():
    images = torch.zeros(2, 3, 8, 8)
    draws, scale = torch.tensor([0]), torch.ones(2)
    first = add_noise(images, torch.tensor([0]), torch.tensor([7, 8]), draws, scale, seed=1)
    second = add_noise(images, torch.tensor([1]), torch.tensor([8, 7]), draws, scale, seed=1)
    assert torch.equal(first, second)


def test_zero_scale_is_a_copy():
    images = torch.randn(2, 3, 8, 8)
    index = torch.tensor([1, 0, 0])
    assert torch.equal(
        add_noise(images, index, torch.arange(2), torch.arange(3), torch.zeros(2), 0), images[index]
    )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"ids": torch.tensor([0])}, ValueError, r"`ids` must have shape \(2,\), got \(1,\)"),
        ({"draws": torch.tensor([0])}, ValueError, r"`draws` must have shape \(2,\), got \(1,\)"),
        ({"scale": torch.ones(3)}, ValueError, r"`scale` must have shape \(2,\), got \(3,\)"),
        ({"index": torch.tensor([0, 5])}, ValueError, r"`index` must lie in \[0, 2\), got 5"),
        ({"images": torch.zeros(2, 4).long()}, TypeError, "`images` must be floating point, got torch.int64"),
        ({"seed": None}, TypeError, "`seed` must be an int, got NoneType"),
    ],
)
def test_messages(change, error, message):
    args = {
        "images": torch.zeros(2, 4),
        "index": torch.tensor([0, 1]),
        "ids": torch.tensor([0, 1]),
        "draws": torch.tensor([0, 0]),
        "scale": torch.ones(2),
        "seed": 0,
    }
    with pytest.raises(error, match=f"^add_noise: {message}"):
        add_noise(**(args | change))
