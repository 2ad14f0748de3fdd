"""Obfuscated images against the steps they are made of."""

import pytest
import torch

from pyxai.ops import idwt, obfuscate
from pyxai.testing import ops, run, sample_inputs
from tests.ops.obfuscations import LEVELS, SIZE, arguments, unfused


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_is_its_steps(noise):
    a = arguments() | {"noise": noise}
    images = obfuscate(**a)
    assert images.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(images, unfused(a, a["mask"]), atol=1e-13, rtol=0)


def test_gradcheck():
    a = arguments() | {"seed": 1}
    a["coefficients"] = a["coefficients"] * 0.5  # away from the ends, where the clamp has no derivative
    a["spread"] = a["spread"] * 1e-3
    a["centre"] = torch.zeros_like(a["centre"])
    mask = (0.4 + 0.2 * a.pop("mask")).requires_grad_()
    assert torch.autograd.gradcheck(lambda mask: obfuscate(mask=mask, **a), mask, fast_mode=True)


def test_whole_mask_gives_the_image_back():
    a = arguments()
    ones = torch.ones_like(a["mask"])
    images = idwt(a["coefficients"], a["filters"], LEVELS, *SIZE)[a["index"]]
    black, white = (a[end].view(-1, 1, 1) for end in ("black", "white"))
    expected = black + (white - black) * images
    torch.testing.assert_close(obfuscate(**a | {"mask": ones}), expected, atol=1e-14, rtol=0)


def test_pixels_where_there_are_no_levels():
    a = arguments() | {"levels": 0, "black": torch.zeros(3), "white": torch.ones(3)}
    a["coefficients"] = torch.rand(2, 3, SIZE[0] * SIZE[1])
    a["mask"] = (torch.rand(2, SIZE[0] * SIZE[1]) > 0.5).float()
    a["centre"], a["spread"] = torch.full((2, 1), 0.25), torch.zeros(2, 1)
    images = obfuscate(**a)
    kept = a["mask"][a["index"]].view(5, 1, *SIZE)
    expected = torch.where(kept > 0, a["coefficients"][a["index"]].unflatten(2, SIZE), 0.25)
    assert torch.equal(images, expected)


def test_noise_follows_the_identity_not_the_position():
    a = arguments()
    swapped = (
        a
        | {name: a[name].flip(0) for name in ("coefficients", "mask", "centre", "spread", "ids")}
        | {"index": 1 - a["index"]}
    )
    assert torch.equal(obfuscate(**a), obfuscate(**swapped))


def test_nan_stays():
    a = arguments()
    a["coefficients"][0, 0, 0] = torch.nan
    found = obfuscate(**a).isnan().flatten(1).any(1)
    assert torch.equal(found, a["index"] == 0)


def test_near_the_reference_in_float64():
    (op,) = (op for op in ops() if op.name == "obfuscate")
    for args in sample_inputs(op, dtype=torch.float64, shape=(3, 47, 61)):
        for one, other in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"mask": torch.zeros(2, 3)}, ValueError, r"`mask` must have shape \(2, \d+\), got \(2, 3\)"),
        ({"centre": torch.zeros(2, 2)}, ValueError, r"`centre` must have shape \(2, 3\), got \(2, 2\)"),
        ({"black": torch.zeros(1)}, ValueError, r"`black` must have shape \(3,\), got \(1,\)"),
        ({"levels": 1}, ValueError, "`coefficients` must have shape"),
        ({"noise": "pink"}, ValueError, "`noise` must be one of normal, uniform, got 'pink'"),
        ({"index": torch.tensor([0, 0, 0, 0, 2])}, ValueError, r"`index` must lie in \[0, 2\), got 2"),
        ({"ids": torch.zeros(2)}, TypeError, "`ids` must be int64, got torch.float32"),
        ({"height": 0}, ValueError, "`height` must be positive, got 0"),
    ],
)
def test_messages(change, error, message):
    with pytest.raises(error, match=f"^obfuscate: {message}"):
        obfuscate(**arguments() | change)
