"""Gradients of filled images against those of the fill, taken by differences and by autograd."""

import pytest
import torch

from pyxai.ops import pyramid_fill, pyramid_fill_adjoint
from pyxai.testing import ops, run, sample_inputs


def drawn(levels):
    generator = torch.Generator().manual_seed(1)
    shapes = ((2, 3, 4, 5), (2, 3, 4, 5), (2, 4, 5), (2, levels, 3, 4, 5))
    return [torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes]


@pytest.mark.parametrize("levels", [1, 2, 6])
@pytest.mark.parametrize("interpolate", [False, True])
def test_against_differences(levels, interpolate):
    """No value of this mask is near the border of an interval."""
    grad, images, mask, pyramid = drawn(levels)
    step = 1e-6

    def slope(move_images, move_mask):
        ends = [
            pyramid_fill(
                images + way * step * move_images, mask + way * step * move_mask, pyramid, interpolate
            )
            for way in (1, -1)
        ]
        return grad * (ends[0] - ends[1]) / (2 * step)

    by_images, by_mask = pyramid_fill_adjoint(grad, images, mask, pyramid, interpolate)
    torch.testing.assert_close(by_images, slope(1.0, 0.0), rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(by_mask, slope(0.0, 1.0).sum(1), rtol=1e-7, atol=1e-8)


def test_bitwise_equal_to_reference_on_cpu(dtype):
    (op,) = (op for op in ops() if op.name == "pyramid_fill_adjoint")
    for args in sample_inputs(op, dtype=dtype, shape=(3, 33, 35)):
        for one, other in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.equal(one, other)


def test_it_is_the_backward_pass_of_the_fill():
    grad, images, mask, pyramid = drawn(3)
    leaves = images.requires_grad_(), mask.requires_grad_()
    pyramid_fill(*leaves, pyramid, True).backward(grad)
    expected = pyramid_fill_adjoint(grad, images.detach(), mask.detach(), pyramid, True)
    assert all(torch.equal(leaf.grad, own) for leaf, own in zip(leaves, expected, strict=True))


def test_messages():
    grad, images, mask, pyramid = drawn(3)
    with pytest.raises(ValueError, match=r"^pyramid_fill_adjoint: `grad` must have shape \(2, 3, 4, 5\)"):
        pyramid_fill_adjoint(grad[:1], images, mask, pyramid, False)
