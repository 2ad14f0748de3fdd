"""LeGrad's sums against autograd by the attention itself; tiles, dead heads, values that are no numbers."""

import pytest
import torch

from pyxai.ops import legrad


def tensors(images=2, heads=3, queries=70, keys=130, width=8, dtype=torch.float64):
    generator = torch.Generator().manual_seed(1)
    return (
        torch.randn(images, heads, tokens, width, generator=generator, dtype=torch.float64).to(dtype)
        for tokens in (queries, keys)
    )


@pytest.mark.parametrize(("queries", "keys"), [(1, 5), (64, 64), (70, 130), (197, 197)])
def test_it_is_the_gradient_by_the_attention(queries, keys):
    gradient, values = tensors(queries=queries, keys=keys)
    attention = torch.rand(2, 3, queries, keys, dtype=torch.float64, requires_grad=True)
    (by_attention,) = torch.autograd.grad(((attention @ values) * gradient).sum(), attention)
    expected = by_attention.clamp(min=0).sum((1, 2))
    assert (legrad(gradient, values) - expected).abs().max() <= 1e-14 * expected.abs().max()


def test_a_head_of_zeros_adds_nothing():
    gradient, values = tensors()
    expected = legrad(gradient[:, :2].contiguous(), values[:, :2].contiguous())
    values[:, 2] = 0
    assert torch.equal(legrad(gradient, values), expected)


def test_what_is_no_number_does_not_become_one():
    gradient, values = tensors(dtype=torch.float32)
    values[1, 2, 7, 3] = float("nan")
    found = legrad(gradient, values)
    assert found[1, 7].isnan() and found.isnan().sum() == 1


def test_messages():
    gradient, values = tensors()
    with pytest.raises(
        ValueError, match=r"^legrad: `gradient` must have shape \(N, h, T, d\), got \(3, 70, 8\)"
    ):
        legrad(gradient[0], values)
    with pytest.raises(
        ValueError, match=r"^legrad: `values` must have shape \(2, 3, S, 8\), got \(2, 2, 130, 8\)"
    ):
        legrad(gradient, values[:, :2])
    with pytest.raises(TypeError, match=r"^legrad: `values` must be torch.float64 like `gradient`, got"):
        legrad(gradient, values.float())
