"""The gradient of obfuscated images by their masks against that of the steps they are made of."""

import pytest
import torch

from pyxai.ops import obfuscate, obfuscate_adjoint_
from pyxai.testing import ops, run, sample_inputs
from tests.ops.obfuscations import SIZE, arguments, unfused


def shared(a):
    """What both directions are given."""
    return {name: value for name, value in a.items() if name not in ("mask", "height", "width")}


@pytest.mark.parametrize("noise", ["normal", "uniform"])
def test_is_the_gradient_of_the_steps(noise):
    a = arguments() | {"noise": noise}
    a["mask"].requires_grad_()
    weight = torch.randn(5, 3, *SIZE, dtype=torch.float64)
    (ours,) = torch.autograd.grad((obfuscate(**a) * weight).sum(), a["mask"])
    (theirs,) = torch.autograd.grad((unfused(a, a["mask"]) * weight).sum(), a["mask"])
    torch.testing.assert_close(ours, theirs, atol=1e-12 * theirs.abs().max().item(), rtol=0)


def test_adds_to_the_total():
    a = arguments()
    images = obfuscate(**a)
    grad, start = torch.randn_like(images), torch.randn_like(a["mask"])
    alone, total = torch.zeros_like(start), start.clone()
    for into in (alone, total):
        obfuscate_adjoint_(total=into, grad=grad, images=images, **shared(a))
    torch.testing.assert_close(total, start + alone, rtol=1e-13, atol=1e-13)


def test_packing_changes_no_bit():
    """The gradient of rows in one call, in two, and beside another image's."""
    a = arguments(torch.float32)
    images = obfuscate(**a)
    grad = torch.randn_like(images)

    def adjoint(rows, total):
        of_rows = {
            "grad": grad[rows],
            "images": images[rows],
            "index": a["index"][rows],
            "draws": a["draws"][rows],
        }
        obfuscate_adjoint_(total=total, **shared(a) | of_rows)
        return total

    whole = adjoint(slice(None), torch.zeros_like(a["mask"]))
    parts = adjoint(slice(2, None), adjoint(slice(0, 2), torch.zeros_like(a["mask"])))
    alone = adjoint(a["index"] == 1, torch.zeros_like(a["mask"]))
    assert torch.equal(whole, parts)
    assert torch.equal(whole[1], alone[1])
    assert not alone[0].any()


def test_near_the_reference_in_float64():
    (op,) = (op for op in ops() if op.name == "obfuscate_adjoint_")
    for args in sample_inputs(op, dtype=torch.float64, shape=(3, 47, 61)):
        for one, other in zip(run(op.call, args), run(op.reference, args), strict=True):
            assert torch.allclose(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"total": torch.zeros(2, 3)}, ValueError, r"`total` must have shape \(2, \d+\), got \(2, 3\)"),
        ({"images": torch.zeros(4, 3, *SIZE)}, ValueError, r"`images` must have shape \(5, 3, H, W\), got"),
        ({"images": torch.zeros(5, 3, 0, 1)}, ValueError, r"`images` must have shape \(R, C, H, W\) with"),
        ({"grad": torch.zeros(1, 3, *SIZE)}, ValueError, r"`grad` must have shape \(5, 3, 21, 26\), got"),
        ({"noise": "pink"}, ValueError, "`noise` must be one of normal, uniform, got 'pink'"),
        ({"seed": None}, TypeError, "`seed` must be an int, got NoneType"),
    ],
)
def test_messages(change, error, message):
    a = arguments(torch.float32)
    images = torch.rand(5, 3, *SIZE)
    given = {"total": torch.zeros_like(a["mask"]), "grad": images, "images": images} | shared(a)
    with pytest.raises(error, match=f"^obfuscate_adjoint_: {message}"):
        obfuscate_adjoint_(**given | change)
