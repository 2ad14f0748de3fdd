"""Rate-distortion explanations of whole folders, and of real photographs."""

import numpy as np
import pytest
import torch
from PIL import Image

import pyxai
from examples.rde.summary import roughness
from pyxai import engine
from pyxai.engine import Job
from pyxai.engine.data.ids import sample_ids
from pyxai.engine.status import MODEL_FAILED, OK
from tests import zoo
from tests.engine import tiny

NUMBERS = ("kept", "distortion", "probability", "image_probability", "predicted", "steps")


@pytest.fixture
def folder(tmp_path):
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    return tmp_path


def test_a_run_stores_the_numbers(folder, tmp_path):
    """The store holds what the explainer gives, in the units of the model's preprocessing, row by row."""
    options = {"wavelet": "haar", "levels": 2, "steps": 6, "samples": 3, "tolerance": 0.5}
    job = Job(
        model=f"{tiny.__file__}:prepared_net",
        data=folder,
        out=tmp_path / "run.zarr",
        method="cartoonx",
        options=options,
        rows=4,
        seed=3,
    )
    assert engine.run(job).failed == 0
    run = pyxai.open(tmp_path / "run.zarr")
    stored = run[0:5]
    assert set(stored.extras) == set(NUMBERS)
    model, preprocess = tiny.prepared_net()
    pixels = np.stack([np.asarray(Image.open(folder / f"{i}.png")) for i in range(5)]).transpose(0, 3, 1, 2)
    images = preprocess.normalise(torch.from_numpy(pixels / np.float32(255)))
    ends = {"low": preprocess.black, "high": preprocess.white}
    ids = torch.from_numpy(sample_ids([f"{i}.png" for i in range(5)]))
    one = pyxai.Explainer(model, "cartoonx", rows=4, seed=3, **ends, **options)(images, ids=ids)
    torch.testing.assert_close(stored.heatmap(), one.heatmap(), atol=1e-5, rtol=0)
    for name in NUMBERS:
        torch.testing.assert_close(
            stored.extras[name], one.extras[name].to(stored.extras[name]), rtol=1e-4, atol=1e-5
        )
    assert stored.heatmap().min() >= 0 and stored.heatmap().max() <= 1


class Fragile(torch.nn.Module):
    """NaN for dark pictures that have a lighter pixel."""

    def __init__(self):
        super().__init__()
        self.net = tiny.net()

    def forward(self, x):
        broken = (x.mean((1, 2, 3)) < 0.2) & (x.amax((1, 2, 3)) > 0.1)
        return self.net(x) + torch.where(broken, torch.nan, 0.0)[:, None]


def fragile():
    return Fragile().eval()


def test_a_picture_that_breaks_the_model_under_a_mask_is_a_failed_row(folder, tmp_path):
    pixels = np.random.default_rng(5).integers(0, 26, (12, 12, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "5.png")
    job = Job(
        model=f"{__file__}:fragile",
        data=folder,
        out=tmp_path / "run.zarr",
        method="cartoonx",
        options={"wavelet": "haar", "levels": 2, "steps": 20, "samples": 3},
    )
    assert engine.run(job).failed == 1
    run = pyxai.open(tmp_path / "run.zarr")
    assert run.status.tolist() == [OK] * 5 + [MODEL_FAILED]
    (error,) = run.errors
    assert "cartoonx: `model` must return finite scores" in error["reason"]
    assert run[0:5].extras["kept"].isfinite().all()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(zoo.missing_data()), reason=zoo.missing_data() or "-")
def test_photographs():
    """CartoonX's pictures of photographs are piecewise smooth, Pixel RDE's masks are not.

    Measured by the share of the energy of the details outside of the largest hundredth of the coefficients.
    """
    model, preprocess = zoo.squeezenet_imagenet()
    images, _ = zoo.imagenet_images(3)
    ends = {"low": preprocess.black, "high": preprocess.white}
    found = {
        method: pyxai.explain(model, images, method=method, steps=40, samples=4, learning_rate=0.1, **ends)
        for method in ("cartoonx", "pixel_rde")
    }
    rough = {}
    for method, explanation in found.items():
        assert (explanation.extras["losses"][:, -1] < 0.2 * explanation.extras["losses"][:, 0]).all()
        rough[method] = roughness(explanation.attribution[:, 0])
    assert (rough["cartoonx"] < 0.5).all() and (rough["pixel_rde"] > 0.5).all()
    assert (rough["cartoonx"] < 0.75 * rough["pixel_rde"]).all()
