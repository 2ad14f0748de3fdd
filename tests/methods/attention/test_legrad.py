"""LeGrad as a method: what it keeps, dtypes and sizes it runs in; its numbers are in tests/attention."""

import torch

import pyxai
from pyxai.methods import build
from tests import vits


def test_the_predictions_of_all_blocks_end_in_the_score():
    model, images = vits.build("hand"), vits.images()
    found = pyxai.explain(model, images, "legrad", pooling="model")
    assert found.extras["block_scores"].shape == (2, 3) and found.extras["block_maps"].shape == (2, 3, 4, 4)
    assert torch.allclose(found.extras["block_scores"][:, -1], found.score)
    assert found.attribution.shape == (2, 1, 32, 32)


def test_single_precision_is_near():
    model, images = vits.build("hand"), vits.images()
    exact = pyxai.explain(model, images, "legrad", 1).attribution
    found = pyxai.explain(model.float(), images.float(), "legrad", 1).attribution
    assert (found - exact).abs().max() <= 1e-5 * exact.abs().max()


def test_images_of_other_sizes():
    model = vits.Hand(positions=False).double().eval()
    explainer = pyxai.Explainer(model, "legrad", upsample=False)
    assert explainer(vits.images(size=(32, 32))).attribution.shape == (2, 1, 4, 4)
    assert explainer(vits.images(size=(16, 48))).attribution.shape == (2, 1, 2, 6)


def test_the_authors_options_are_those_of_the_variant():
    assert build("legrad", {"variant": "authors"}).blocks == 2
    assert build("legrad", {"variant": "authors", "blocks": 3}).blocks == 3
    assert build("legrad", {}).blocks == "all"
