"""Every loss against plain numpy in float64, and the algebra of Eq. 5."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from pyxai.dxai import losses
from pyxai.dxai.losses import Objective

N, BRANCHES, CHANNELS, SIDE, CLASSES = 4, 3, 3, 6, 5


def normal(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def close(ours: Tensor, wanted: float) -> None:
    np.testing.assert_allclose(ours.item(), wanted, rtol=1e-12)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


@pytest.fixture
def branches():
    shape = (N, BRANCHES, CHANNELS, SIDE, SIDE)
    return normal(*shape), normal(*shape), torch.rand(N, BRANCHES - 1, dtype=torch.float64)


@pytest.fixture
def logits():
    return normal(N, CLASSES), torch.tensor([0, 4, 2, 2])


@pytest.fixture
def images():
    return [normal(N, CHANNELS, SIDE, SIDE) for _ in range(3)]


@pytest.mark.parametrize("zero_distinction", [True, False])
def test_blend(branches, zero_distinction):
    own, other, alpha = branches
    first, second = losses.blend(own, other, alpha, zero_distinction)
    psi, foreign, a = own.numpy(), other.numpy(), alpha.numpy()
    for row in range(N):
        wanted = psi[row, 0].copy()
        wanted_other = np.zeros_like(wanted) if zero_distinction else foreign[row, 0].copy()
        for i in range(1, BRANCHES):
            share = a[row, i - 1]
            wanted += share * psi[row, i] + (1 - share) * foreign[row, i]
            wanted_other += share * foreign[row, i] + (1 - share) * psi[row, i]
        np.testing.assert_allclose(first[row], wanted, atol=1e-14)
        np.testing.assert_allclose(second[row], wanted_other, atol=1e-14)


def test_identities_of_the_blend(branches):
    """α = 1 gives each class its own branches, and the two images always sum to all branches."""
    own, other, alpha = branches
    first, second = losses.blend(own, other, torch.ones_like(alpha), zero_distinction=False)
    torch.testing.assert_close(first, own.sum(1))
    torch.testing.assert_close(second, other.sum(1))
    swapped, _ = losses.blend(own, other, torch.zeros_like(alpha))
    torch.testing.assert_close(swapped, own[:, 0] + other[:, 1:].sum(1))
    first, second = losses.blend(own, other, alpha, zero_distinction=False)
    torch.testing.assert_close(first + second, own.sum(1) + other.sum(1))
    # Where the agnostic branches agree, the two images differ by the distinct part alone (Eq. 3).
    same = torch.cat([other[:, :1], own[:, 1:]], 1)
    first, second = losses.blend(own, same, alpha)
    torch.testing.assert_close(first - second, own[:, 0])


def test_the_other_class_has_no_distinct_part(branches):
    """With zero distinction no gradient reaches ψ_1 of the other class, from either image."""
    own, other, alpha = branches
    other.requires_grad_()
    for image, reaches in itertools.product(range(2), (False, True)):
        blended = losses.blend(own, other, alpha, zero_distinction=not reaches)[image]
        (gradient,) = torch.autograd.grad(blended.square().sum(), other)
        assert bool(gradient[:, 0].any()) == (reaches and image == 1)
        assert gradient[:, 1:].any()


def test_adversarial(logits):
    values, target = logits
    of_target = values.numpy()[np.arange(N), target]
    sigmoid = 1 / (1 + np.exp(-of_target))
    close(losses.real_loss(values, target), -np.log(sigmoid).mean())
    close(losses.fake_loss(values, target), -np.log(1 - sigmoid).mean())


def test_gradient_penalty(logits):
    """Of D_k(x) = Σ w_k x² the gradient is 2 w_k x, and R1's own gradient by w_k is known too."""
    _, target = logits
    weights = normal(CLASSES, CHANNELS, SIDE, SIDE).requires_grad_()
    x = normal(N, CHANNELS, SIDE, SIDE).requires_grad_()
    values = torch.einsum("kcij,ncij->nk", weights, x.square())
    penalty = losses.gradient_penalty(values, target, x)
    w, pixels = weights.detach().numpy()[target], x.detach().numpy()
    close(penalty, 0.5 * ((2 * w * pixels) ** 2).sum() / N)
    (gradient,) = torch.autograd.grad(penalty, weights)
    wanted = np.zeros(weights.shape)
    np.add.at(wanted, target.numpy(), 4 * w * pixels**2 / N)
    np.testing.assert_allclose(gradient, wanted, rtol=1e-12)


def test_distillation_and_class_fake(logits):
    values, target = logits
    teacher = normal(N, CLASSES)
    p, q = softmax(teacher.numpy()), softmax(values.numpy())
    close(losses.distillation(values, teacher), (p * np.log(p / q)).sum() / N)
    assert losses.distillation(values, values + 3).abs() < 1e-15
    for temperature in (1.0, 2.5):
        wanted = -np.log(softmax(values.numpy() / temperature)[np.arange(N), target]).mean()
        close(losses.class_fake(values, target, temperature), wanted)


def d(error: np.ndarray, form: str) -> float:
    """Eq. 7 of one image's errors."""
    mean_square = (error**2).mean()
    return np.abs(error).mean() + (np.sqrt(mean_square) if form == "l1_l2" else mean_square)


@pytest.mark.parametrize("form", losses.DISTANCES)
def test_reconstruction(images, form):
    x, own, other = (image.numpy() for image in images)
    wanted = np.mean([d(a - b, form) + d(a - c, form) for a, b, c in zip(x, own, other, strict=True)])
    close(losses.reconstruction(*images, form), wanted)


@pytest.mark.parametrize("form", losses.DISTANCES)
def test_distinct_reconstruction(images, form):
    x, own, distinct = (image.numpy() for image in images)
    per_image = [
        d((a - b) * (np.abs(psi) > np.abs(psi).mean()), form)
        for a, b, psi in zip(x, own, distinct, strict=True)
    ]
    close(losses.distinct_reconstruction(*images, form, "image"), np.mean(per_image))
    chosen = np.abs(distinct) > np.abs(distinct).mean((2, 3), keepdims=True)
    per_image = [d((a - b)[where], form) for a, b, where in zip(x, own, chosen, strict=True)]
    close(losses.distinct_reconstruction(*images, form, "channel"), np.mean(per_image))


@pytest.mark.parametrize("mask", losses.MASKS)
@pytest.mark.parametrize("form", losses.DISTANCES)
def test_reconstruction_has_a_gradient_where_it_is_exact(images, form, mask):
    x, _, distinct = images
    own = x.clone().requires_grad_()
    loss = losses.distance(x, own, form) + losses.distinct_reconstruction(x, own, distinct * 0, form, mask)
    loss.backward()
    assert loss == 0
    assert torch.equal(own.grad, torch.zeros_like(own))


@pytest.mark.parametrize("correlation", losses.CORRELATIONS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_orthogonality(correlation, layout):
    features = [normal(N, BRANCHES * 4, 5, 6), normal(2, BRANCHES * 2, 4, 4)]
    features[0][:, 4:8] += features[0][:, :4]
    features[1][:, 3] = 2.5  # a constant channel correlates with nothing
    features = [x.contiguous(memory_format=layout).requires_grad_() for x in features]
    wanted = np.mean([numpy_orthogonality(x.detach().numpy(), correlation) for x in features])
    loss = losses.orthogonality(features, BRANCHES, correlation)
    close(loss, wanted)
    for gradient in torch.autograd.grad(loss, features):
        assert gradient.isfinite().all()


def numpy_orthogonality(features: np.ndarray, correlation: str) -> float:
    n, channels = len(features), features.shape[1] // BRANCHES
    branches = features.reshape(n, BRANCHES, channels, -1)
    total = 0.0
    for row, (i, j) in itertools.product(range(n), itertools.combinations(range(BRANCHES), 2)):
        first, second = (
            (f - f.mean(1, keepdims=True)) / (f.std(1, ddof=1, keepdims=True) + 1e-6)
            for f in (branches[row, i], branches[row, j])
        )
        matrix = first @ second.T / first.shape[1]
        total += ((matrix - (correlation == "identity") * np.eye(channels)) ** 2).mean()
    return total / n


def test_weights_are_those_of_equation_15():
    weights = dataclasses.astuple(Objective())[:6]
    assert weights == (2, 1, 2, 4, 4, 1)


@pytest.mark.parametrize(
    ("option", "value"),
    [("adversarial", -1.0), ("temperature", 0.0), ("distance", "l2"), ("mask", "x"), ("correlation", "one")],
)
def test_bad_options(option, value):
    with pytest.raises(ValueError, match=f"^`{option}` must be"):
        Objective(**{option: value})
