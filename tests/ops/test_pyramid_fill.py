"""Filled images against a plain loop over pixels."""

import pytest
import torch

from pyxai.ops import pyramid_fill
from pyxai.testing import ops, run, sample_inputs


def drawn(levels, height=5, width=7):
    generator = torch.Generator().manual_seed(0)
    shapes = ((2, 3, height, width), (2, height, width), (2, levels, 3, height, width))
    return [torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def filled(images, mask, pyramid, interpolate):
    """Eq. 14, pixel by pixel."""
    out, depth = torch.empty_like(images), pyramid.shape[1] - 1
    for row, height, width in torch.cartesian_prod(*map(torch.arange, mask.shape)).tolist():
        keep = float(mask[row, height, width])
        levels = pyramid[row, :, :, height, width]
        if interpolate:
            low = min(int(keep * depth), max(depth - 1, 0))
            part = keep * depth - low
            other = (1 - part) * levels[low] + part * levels[min(low + 1, depth)]
        else:
            other = levels[min(int(keep * (depth + 1)), depth)]
        out[row, :, height, width] = keep * images[row, :, height, width] + (1 - keep) * other
    return out


@pytest.mark.parametrize("levels", [1, 2, 6])
@pytest.mark.parametrize("interpolate", [False, True])
def test_against_a_loop_over_pixels(levels, interpolate):
    images, mask, pyramid = drawn(levels)
    mask[0, 0, :4] = torch.tensor([0.0, 1.0, 0.5, 1 / 6])
    found = pyramid_fill(images, mask, pyramid, interpolate)
    torch.testing.assert_close(found, filled(images, mask, pyramid, interpolate), rtol=1e-13, atol=1e-14)


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "pyramid_fill")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        assert torch.equal(run(op.call, args)[0], run(op.reference, args)[0])


@pytest.mark.parametrize("interpolate", [False, True])
def test_nothing_but_the_chosen_levels_is_read(interpolate):
    images, mask, pyramid = drawn(6)
    mask = 0.2 + 0.25 * mask  # levels 1 and 2 of both kinds
    pyramid[:, [0, 4, 5]] = torch.nan
    assert torch.isfinite(pyramid_fill(images, mask, pyramid, interpolate)).all()


def test_a_mask_that_is_no_number_shows():
    images, mask, pyramid = drawn(6)
    mask[0, 2, 3] = torch.nan
    found = pyramid_fill(images, mask, pyramid, False)
    assert found[0, :, 2, 3].isnan().all() and int(found.isnan().sum()) == 3


@pytest.mark.parametrize(
    ("place", "change", "error", "message"),
    [
        (1, lambda x: x[:, :4], ValueError, r"`mask` must have shape \(2, 5, 7\), got \(2, 4, 7\)"),
        (1, lambda x: x.float(), TypeError, "`mask` must be torch.float64 like `images`, got torch.float32"),
        (2, lambda x: x[:1], ValueError, r"`pyramid` must have shape \(2, levels, 3, 5, 7\)"),
        (2, lambda x: x[:, :0], ValueError, r"`pyramid` must have shape \(2, levels, 3, 5, 7\)"),
        (0, lambda x: x[0], ValueError, r"`images` must have shape \(N, C, H, W\)"),
    ],
)
def test_messages(place, change, error, message):
    given = drawn(3)
    given[place] = change(given[place])
    with pytest.raises(error, match=f"^pyramid_fill: {message}"):
        pyramid_fill(*given, False)
