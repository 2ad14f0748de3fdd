"""What every method promises that reads attention blocks."""

import pytest
import torch

import pyxai
from pyxai.methods import get_method
from pyxai.methods.attention.by_attention import ByAttention
from tests import unfriendly, vits
from tests.attention.test_stream import Shrinking
from tests.capture.test_attention import Windows

METHODS = pyxai.list_methods("attention")
OF_ALL_BLOCKS = [name for name in METHODS if name != "attention"]


def test_they_are_those_of_the_base():
    assert all(issubclass(get_method(name), ByAttention) for name in METHODS)
    assert set(METHODS) >= {"attention", "attention_rollout", "transformer_attribution", "legrad"}


@pytest.mark.parametrize("method", METHODS)
def test_a_convolutional_network_is_refused_in_one_line(method):
    with pytest.raises(
        ValueError, match=rf"^{method}: `model` must have attention, .*, got none in its graph$"
    ):
        pyxai.explain(unfriendly.build("FunctionalReLU"), unfriendly.images(), method)


@pytest.mark.parametrize("method", METHODS)
def test_windows_are_refused_with_methods_that_serve_them(method):
    with pytest.raises(
        ValueError, match=r"`model` must look at the whole image .*grad_cam.*, got 4 windows of 4 tokens"
    ):
        pyxai.explain(Windows().double().eval(), vits.images(), method)


@pytest.mark.parametrize("method", OF_ALL_BLOCKS)
def test_tokens_must_stay(method):
    with pytest.raises(
        ValueError, match=r"`model` must keep its tokens from block to block, got 17 and 9 tokens"
    ):
        pyxai.explain(Shrinking().double().eval(), vits.images(), method)


@pytest.mark.parametrize("method", METHODS)
def test_grids_that_are_no_squares(method):
    model = vits.Hand(grid=(2, 5)).double().eval()
    found = pyxai.explain(model, vits.images(size=(16, 40)), method, upsample=False)
    assert found.attribution.shape == (2, 1, 2, 5)
    given = pyxai.explain(model, vits.images(size=(16, 40)), method, upsample=False, grid=(5, 2))
    assert torch.equal(given.attribution.flatten(1), found.attribution.flatten(1))


@pytest.mark.parametrize("method", METHODS)
def test_a_grid_of_more_places_than_tokens(method):
    with pytest.raises(
        ValueError, match=r"`grid` must have at most 17 places, one for each token, got 25 of \(5, 5\)"
    ):
        pyxai.explain(vits.build("hand"), vits.images(), method, grid=(5, 5))


@pytest.mark.parametrize("method", METHODS)
def test_info_lists_the_blocks(method):
    explainer = pyxai.Explainer(vits.build("hand"), method)
    explainer(vits.images())
    blocks = explainer.info()["programs"][0]["attention"]
    assert [block["module"] for block in blocks] == ["blocks.0", "blocks.1", "blocks.2"]
    assert blocks[0] == {
        "module": "blocks.0", "heads": 4, "head_size": 8, "queries": 17, "keys": 17, "windows": 1,
        "grid": [4, 4], "outside_grid": 1, "fused": False,
    }  # fmt: skip
