"""Agreement of maps against numpy."""

import numpy as np
import pytest
import torch

from pyxai.metrics import pearson, similarity

FUNCTIONS = pytest.mark.parametrize("measure", [pearson, similarity])


def test_pearson():
    first, second = torch.randn(2, 2, 4, 4), torch.randn(2, 2, 4, 4)
    second[1] = -3 * first[1] + 2
    wanted = [np.corrcoef(first[i].flatten(), second[i].flatten())[0, 1] for i in range(2)]
    found = pearson(first, second)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    assert found.dtype == torch.float64


def test_similarity_by_hand():
    first = torch.tensor([[0.0, 1.0, 3.0], [5.0, 5.0, 6.0]])
    second = torch.tensor([[2.0, 2.0, 0.0], [-1.0, -2.0, -2.0]])
    found = similarity(first, second)  # (0 1/4 3/4) and (1/2 1/2 0); (0 0 1) and (1 0 0)
    assert found.dtype == torch.float64 and found.tolist() == pytest.approx([1 / 4, 0.0])


def test_similarity_against_numpy():
    first, second = torch.rand(4, 1, 5, 6, 7), torch.randn(4, 1, 5, 6, 7)

    def distribution(values):
        values = values.double().numpy()
        values = (values - values.min()) / (values.max() - values.min())
        return values / values.sum()

    pairs = [(distribution(one), distribution(other)) for one, other in zip(first, second, strict=True)]
    np.testing.assert_allclose(similarity(first, second), [np.minimum(*pair).sum() for pair in pairs])
    distances = [1 - abs(one - other).sum() / 2 for one, other in pairs]
    np.testing.assert_allclose(similarity(first, second), distances)


@FUNCTIONS
def test_scale_and_offset_do_not_count(measure):
    first, second = torch.randn(2, 3, 8, 8), torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(measure(3 * first - 5, second / 7 + 1), measure(first, second))
    torch.testing.assert_close(measure(first, second), measure(second, first))
    torch.testing.assert_close(measure(first, first), torch.ones(2, dtype=torch.float64))
    for scale in (1e-200, 1e200):  # whose squares are none
        torch.testing.assert_close(measure(first.double() * scale, second), measure(first, second))


@FUNCTIONS
@pytest.mark.parametrize("level", [0.0, 0.7, -1e6])
def test_a_constant_map_agrees_with_nothing(measure, level):
    """Also where its mean is rounded to another number than its values."""
    constant = torch.full((1, 999), level, dtype=torch.float64)
    other = torch.randn(1, 999)
    assert measure(constant, other).isnan().all() and measure(other, constant).isnan().all()


@FUNCTIONS
def test_what_cannot_be_compared_is_refused(measure):
    maps, name = torch.zeros(2, 3, 4), measure.__name__
    assert measure(maps[:0], maps[:0]).shape == (0,)
    with pytest.raises(ValueError, match=rf"^{name}: `second` must have as many values .*, got \(2, 3, 3\)"):
        measure(maps, maps[..., 1:])
    with pytest.raises(ValueError, match=f"^{name}: `second` must have as many values"):
        measure(maps, maps[:1])
    with pytest.raises(ValueError, match=f"^{name}: `first` must be finite, got NaN or infinity in row 1"):
        measure(maps.index_fill(0, torch.tensor(1), torch.nan), maps)
    with pytest.raises(TypeError, match=f"^{name}: `first` must have a real dtype, got torch.complex64"):
        measure(maps.cfloat(), maps)
    with pytest.raises(TypeError, match=f"^{name}: `second` must be a torch.Tensor, got ndarray"):
        measure(maps, maps.numpy())
    with pytest.raises(
        ValueError, match=rf"^{name}: `first` must have shape \(N, …\) with values, got \(2,\)"
    ):
        measure(maps[:, 0, 0], maps)
