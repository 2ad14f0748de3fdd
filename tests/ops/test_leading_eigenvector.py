"""Leading eigenvectors against whole decompositions in float64: gaps, multiples, ranks, scales, residuals."""

import numpy as np
import pytest
import torch

from pyxai.ops import leading_eigenvector


def matrix(eigenvalues, dtype=torch.float64, seed=0):
    """A symmetric matrix (1, M, M) with these eigenvalues, and its vectors (M, M) in their order."""
    generator = torch.Generator().manual_seed(seed)
    size = len(eigenvalues)
    vectors, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    made = vectors @ torch.diag(torch.tensor(eigenvalues, dtype=torch.float64)) @ vectors.T
    return ((made + made.T) / 2).to(dtype)[None], vectors


def distance(found, vector):
    """Between unit vectors, whichever way they point."""
    found = found.double()
    return min((found - vector).norm().item(), (found + vector).norm().item())


@pytest.mark.parametrize("size", [2, 5, 16, 49, 200])
@pytest.mark.parametrize("second", [0.0, 0.5, 0.81, 0.99])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_vectors_are_right_to_the_rounding_over_the_gap(size, second, kind):
    """0.81 is that of singular values that are a tenth apart."""
    values = [1.0, *np.linspace(second, 0, size - 1)]
    given, vectors = matrix(values, kind)
    found, value = leading_eigenvector(given)
    rounding = 16 * torch.finfo(kind).eps
    assert distance(found[0], vectors[:, 0]) <= rounding / (1 - second)
    assert abs(value.item() - 1) <= rounding


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", ["noise", "pair", "all", "close"])
def test_the_residual_is_that_of_a_whole_decomposition(case, kind):
    """Also where there is no gap, and so no one vector: what is found is nearly not changed by the matrix."""
    generator = torch.Generator().manual_seed(1)
    if case == "noise":
        x = torch.randn(1, 100, 120, generator=generator, dtype=torch.float64)
        given = (x @ x.transpose(1, 2)).to(kind)
    else:
        values = {"pair": [1, 1, *[0.5] * 98], "all": [1] * 100, "close": np.linspace(1, 0.999, 100).tolist()}
        given, _ = matrix(values[case], kind)
    (vector,), (value,) = leading_eigenvector(given)
    exact = given[0].double()
    greatest = torch.linalg.eigvalsh(exact)[-1]
    residual = (exact @ vector.double() - value.double() * vector.double()).norm()
    rounding = 64 * torch.finfo(kind).eps * greatest
    assert abs(vector.double().norm() - 1) <= 64 * torch.finfo(kind).eps
    assert residual <= rounding and abs(value - greatest) <= rounding


@pytest.mark.parametrize("rank", [1, 2, 48])
def test_matrices_of_any_rank(rank):
    """There is no further vector after as many steps, and what is left then is rounding."""
    x = torch.randn(3, 49, rank, generator=torch.Generator().manual_seed(2))
    found, values = leading_eigenvector(x @ x.transpose(1, 2))
    left, singular, _ = np.linalg.svd(x.double().numpy())
    for one, value, vectors, squares in zip(found, values, left, singular**2, strict=True):
        gap = 1 - (squares[1] / squares[0] if rank > 1 else 0)
        assert distance(one, torch.from_numpy(vectors[:, 0])) <= 4e-6 / gap
        assert abs(value / squares[0] - 1) <= 4e-6


def test_a_start_that_knows_nothing_of_the_vector_finds_it():
    """A diagonal has the unit vectors for its own: of each the start has but one value."""
    for place in range(64):
        diagonal = torch.full((64,), 0.9)
        diagonal[place] = 1
        found, value = leading_eigenvector(torch.diag(diagonal)[None])
        assert found[0].argmax() == place and abs(found[0, place] - 1) <= 1e-6 and abs(value - 1) <= 1e-6


@pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-12, 1.0, 1e12, 1e30, 3e38])
@pytest.mark.parametrize("size", [4, 60])
def test_scales_do_not_matter(scale, size):
    given, vectors = matrix([1.0, 0.5, 0.1, *[0.0] * (size - 3)], torch.float32)
    found, value = leading_eigenvector(given * scale)
    assert distance(found[0], vectors[:, 0]) <= 2e-6 and abs(value / scale - 1) <= 1e-6


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_matrices_of_the_greatest_and_the_least_numbers(kind):
    """Their sums are beyond all numbers, and so is the first one's eigenvalue, which is infinite."""
    most, least = torch.finfo(kind).max, torch.finfo(kind).smallest_normal
    given = torch.ones(2, 9, 9, dtype=kind) * torch.tensor([most, least], dtype=kind)[:, None, None]
    vectors, values = leading_eigenvector(given)
    assert torch.allclose(vectors, torch.full((2, 9), 1 / 3, dtype=kind), rtol=1e-6)
    assert values[0] == torch.inf and abs(values[1] / least - 9) <= 1e-5
    values = leading_eigenvector(given / 16)[1]
    assert abs(values[0] / (most / 16) - 9) <= 1e-5


def test_values_do_not_sum_to_less_than_zero():
    x = torch.randn(50, 12, 3, generator=torch.Generator().manual_seed(3))
    assert (leading_eigenvector(x @ x.transpose(1, 2))[0].sum(1) >= 0).all()


def test_zeros_and_what_is_no_number(dtype):
    given = torch.eye(5, dtype=dtype).expand(4, 5, 5).clone()
    given[0], given[1, 2, 3], given[3, 2, 3] = 0, float("nan"), float("inf")
    vectors, values = leading_eigenvector(given)
    assert not vectors[0].any() and values[0] == 0
    assert vectors[1].isnan().all() and values[1].isnan()
    assert vectors[2].isfinite().all() and values[2].isfinite()
    assert vectors[3].isnan().all() and values[3].isnan()


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4)])
def test_messages(shape):
    with pytest.raises(
        ValueError, match=r"^leading_eigenvector: `matrices` must have shape \(N, M, M\), got \("
    ):
        leading_eigenvector(torch.zeros(shape))
