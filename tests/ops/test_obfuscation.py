"""What both directions of an obfuscation share."""

import pytest
import torch

from pyxai.ops import _obfuscation, normal_noise, uniform_noise
from pyxai.ops._wavelets import wavelet_layout


@pytest.mark.parametrize("noise", _obfuscation.NOISES)
def test_replacements_have_the_statistics_of_their_part(noise):
    layout = wavelet_layout(8, 8, 1, 2)
    coefficients = torch.zeros(2, 3, layout.size)
    centre = torch.tensor([[1.0, 10.0], [100.0, 1000.0]])
    spread = torch.tensor([[0.5, 0.0], [2.0, 3.0]])
    index, ids, draws = torch.tensor([1, 0, 1]), torch.tensor([5, 6]), torch.tensor([0, 1, 2])
    found = _obfuscation.replacements(coefficients, centre, spread, index, ids, draws, layout, noise, 3)
    made = normal_noise if noise == "normal" else uniform_noise
    values = made(ids[index], draws, 3, (3, layout.size))
    values = values if noise == "normal" else 2 * values - 1
    low = layout.parts[0]
    assert torch.equal(found[0, :, :low], 100 + 2 * values[0, :, :low])
    assert torch.equal(found[1, :, low:], torch.full_like(found[1, :, low:], 10.0))
    assert torch.equal(found[2, :, low:], 1000 + 3 * values[2, :, low:])


def test_channels_have_their_own_ends():
    unit = torch.tensor([0.0, 1.0, 0.5]).expand(2, 2, 1, 3)
    ends = torch.tensor([-1.0, 2.0]), torch.tensor([1.0, 6.0])
    assert _obfuscation.scaled(unit, *ends)[1, :, 0].tolist() == [[-1, 1, 0], [2, 6, 4]]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"noise": "pink"}, "`noise` must be one of normal, uniform, got 'pink'"),
        ({"centre": torch.zeros(3, 2)}, r"`centre` must have shape \(3, 3\), got \(3, 2\)"),
        ({"index": torch.tensor([3])}, r"`index` must lie in \[0, 3\), got 3"),
    ],
)
def test_messages(change, message):
    coefficients, _, tensors, (levels, height, width, noise, _) = next(
        _obfuscation.settings("cpu", torch.float32, 4, (2, 8, 8))
    )
    names = ("centre", "spread", "index", "ids", "draws", "filters", "black", "white")
    given = dict(zip(names, tensors, strict=True)) | {"noise": noise} | change
    with pytest.raises(ValueError, match=f"^op: {message}"):
        _obfuscation.check_tensors("op", coefficients, **given, levels=levels, size=(height, width))
