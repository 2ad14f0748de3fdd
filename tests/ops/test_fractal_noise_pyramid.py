"""Pyramids of fractal noise against numpy, which transforms whole spectra, mirrored by hand."""

import numpy as np
import pytest
import torch

from pyxai.ops import fractal_noise_pyramid, normal_noise
from pyxai.testing import ops, run, sample_inputs

IDS, DRAWS = torch.tensor([5, -7, 2**62]), torch.tensor([0, 3, 2**32 - 1])


def settings(levels, channels, height, width, scale=1.0):
    generator = torch.Generator().manual_seed(0)
    amplitudes = torch.rand(levels, height, width // 2 + 1, generator=generator, dtype=torch.float64)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    return amplitudes * scale / (height * width) ** 0.5, mixing


def whole_spectrum(half, width):
    """(H, W) of (H, W // 2 + 1): what is missing is the conjugate of the point mirrored at frequency 0."""
    height = len(half)
    whole = np.zeros((height, width), complex)
    for row in range(height):
        for column in range(width):
            mirror = -row % height, -column % width
            if column < half.shape[1] and mirror[1] < half.shape[1]:
                whole[row, column] = (half[row, column] + half[mirror].conj()) / 2
            else:
                whole[row, column] = half[row, column] if column < half.shape[1] else half[mirror].conj()
    return whole


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 1), (2, 2), (8, 9), (9, 8)])
@pytest.mark.parametrize("shared", [False, True])
def test_against_whole_spectra(size, shared):
    (height, width), levels, channels = size, 3, 2
    amplitudes, mixing = settings(levels, channels, height, width)
    found = fractal_noise_pyramid(IDS, DRAWS, amplitudes, mixing, 9, width, shared, torch.float64)
    shape = (1 if shared else levels, channels, height, width // 2 + 1, 2)
    drawn = torch.view_as_complex(normal_noise(IDS, DRAWS, 9, shape, torch.float64)).numpy()
    for row in range(3):
        for level in range(levels):
            planes = np.stack(
                [
                    np.fft.ifft2(
                        whole_spectrum(
                            drawn[row, 0 if shared else level, c] * amplitudes[level].numpy(), width
                        )
                    )
                    for c in range(channels)
                ]
            )
            assert np.abs(planes.imag).max() < 1e-14
            mixed = np.tensordot(mixing.numpy(), planes.real * height * width, 1)
            np.testing.assert_allclose(found[row, level], 1 / (1 + np.exp(-mixed)), rtol=1e-11)


def test_the_cpu_gives_the_reference():
    (op,) = (op for op in ops() if op.name == "fractal_noise_pyramid")
    for side in (31, 64):
        for args in sample_inputs(op, rows=3, shape=(3, side, side)):
            assert (run(op.call, args)[0] - run(op.reference, args)[0]).abs().max() <= 1e-6


def test_a_row_is_a_function_of_seed_id_and_draw():
    amplitudes, mixing = settings(2, 3, 12, 10)

    def row(identity, draw, seed=1):
        ids, draws = torch.tensor([identity]), torch.tensor([draw])
        return fractal_noise_pyramid(ids, draws, amplitudes, mixing, seed, 10, False)[0]

    together = fractal_noise_pyramid(IDS, DRAWS, amplitudes, mixing, 1, 10, False)
    for place, (identity, draw) in enumerate(zip(IDS.tolist(), DRAWS.tolist(), strict=True)):
        assert torch.equal(together[place], row(identity, draw))
    others = [row(5, 1), row(6, 0), row(5, 0, seed=2)]
    assert all((row(5, 0) - other).abs().max() > 0.01 for other in others)


def test_levels_share_a_spectrum_where_they_are_told_to():
    amplitudes, mixing = settings(1, 2, 6, 6)
    same = amplitudes.expand(3, -1, -1)
    shared = fractal_noise_pyramid(IDS, DRAWS, same, mixing, 0, 6, True)
    assert torch.equal(shared[:, 1:], shared[:, :1].expand_as(shared[:, 1:]))
    own = fractal_noise_pyramid(IDS, DRAWS, same, mixing, 0, 6, False)
    assert torch.equal(own[:, 0], shared[:, 0])
    assert (own[:, 1] - own[:, 0]).abs().max() > 0.01


def test_strong_noise_is_black_or_white_and_nan_stays(dtype):
    amplitudes, mixing = settings(1, 1, 4, 4, scale=1e9)
    found = fractal_noise_pyramid(IDS, DRAWS, amplitudes, mixing, 0, 4, False, dtype)
    assert torch.isfinite(found).all() and ((found <= 1e-30) | (found == 1)).all()
    assert fractal_noise_pyramid(IDS, DRAWS, amplitudes * torch.nan, mixing, 0, 4, False, dtype).isnan().all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"width": 6}, ValueError, "`width` must be 8 or 9, got 6"),
        ({"mixing": torch.ones(2, 3)}, ValueError, r"`mixing` must have shape \(C, C\), got \(2, 3\)"),
        ({"dtype": torch.int32}, TypeError, "`dtype` must be a floating point type, got torch.int32"),
        ({"draws": torch.tensor([0, 1, 2**32])}, ValueError, "`draws` must lie in"),
        ({"seed": 1.5}, TypeError, "`seed` must be an int"),
    ],
)
def test_messages(change, error, message):
    amplitudes, mixing = settings(2, 3, 4, 9)
    given = {"ids": IDS, "draws": DRAWS, "amplitudes": amplitudes, "mixing": mixing, "seed": 0, "width": 9}
    with pytest.raises(error, match=f"^fractal_noise_pyramid: {message}"):
        fractal_noise_pyramid(**(given | {"shared_spectrum": False} | change))
