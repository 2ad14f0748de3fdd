"""The result object."""

import pytest
import torch

import pyxai
from tests import unfriendly


def found(**options):
    return pyxai.explain(
        unfriendly.build("Gate"), unfriendly.images(3), "integrated_gradients", steps=2, **options
    )


def test_heatmaps():
    result = found()
    assert torch.equal(result.heatmap(), result.attribution.sum(1))
    assert torch.equal(result.heatmap("abs_sum"), result.attribution.abs().sum(1))
    assert torch.equal(result.heatmap("abs_max"), result.attribution.abs().amax(1))
    assert found(target="top2").heatmap().shape == (3, 2, 16, 16)
    with pytest.raises(ValueError, match="`reduce` must be 'sum', 'abs_sum' or 'abs_max', got 'mean'"):
        result.heatmap("mean")


def test_rows():
    result = found()
    assert len(result) == 3 and len(result[1:]) == 2 and len(result[-1]) == 1
    assert torch.equal(result[-1].attribution, result.attribution[2:])
    assert torch.equal(result[0].residual, result.residual[:1]) and result[0].standard_error is None


def test_picture(tmp_path):
    from PIL import Image

    path = found().save(tmp_path / "sheet.png")
    picture = Image.open(path)
    assert picture.width > 100 and len(picture.convert("RGB").getcolors(10**6)) > 50
