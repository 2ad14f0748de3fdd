"""The sheet of a transformer's blocks."""

import pytest
import torch

import pyxai
from pyxai.render import block_sheet
from tests import vits


def test_a_card_for_each_block_with_its_prediction(written):
    explanation = pyxai.explain(vits.build("hand"), vits.images(), "legrad", 1)
    block_sheet(explanation)
    texts = [text for _, text in written]
    assert [text for text in texts if "block" in text] == [f"1, block {block}" for block in (-3, -2, -1)] * 2
    scores = [f"score {score:.4g}" for score in explanation.extras["block_scores"].flatten().tolist()]
    assert [text for text in texts if text.startswith("score")] == scores


def test_what_has_no_blocks_or_several_targets():
    model, images = vits.build("hand"), vits.images()
    with pytest.raises(
        ValueError, match="`explanation` must have maps of blocks, as legrad's, got one of gradient"
    ):
        block_sheet(pyxai.explain(model, images, "gradient"))
    several = pyxai.explain(model, images, "legrad", torch.tensor([[0, 1], [2, 3]]))
    with pytest.raises(ValueError, match="`explanation` must have one target for each image, got 2"):
        block_sheet(several)
