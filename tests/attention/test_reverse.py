"""The way back through a block against autograd, for gradients of all tokens, of one, and of all alike."""

import pytest
import torch

from pyxai.attention.reverse import Reverse
from pyxai.capture.split import beside, collecting
from pyxai.propagation.walk import constants
from tests import vits
from tests.attention.test_stream import stream

SPLIT = [name for name in vits.AT_HAND if name != "hand, gated"]


@pytest.mark.parametrize("kind", ["all", "one", "alike"])
@pytest.mark.parametrize("name", vits.forms())
def test_against_autograd(name, kind):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images(3)
    program, found = stream(model, images, vit.output)
    graph, known = program.forward, constants(program.forward)
    gradient = torch.randn(3, found.tokens, vits.WIDTH, dtype=torch.float64)
    for number in range(vits.DEPTH):
        reverse = Reverse(graph, found, number, known, (0,) if kind == "one" else None)
        block = found.blocks[number]
        given = {"all": gradient, "one": gradient[:, :1], "alike": gradient[:, :1]}[kind]
        whole = {"all": gradient, "one": torch.zeros_like(gradient), "alike": given.expand_as(gradient)}[kind]
        if kind == "one":
            whole[:, :1] = given
            assert (reverse.rows == (0,)) == (name in SPLIT)
            given = given if reverse.rows else whole
        with torch.enable_grad():
            _, (product, tokens) = beside(graph, [block.product, found.outputs[number]], through=_leaf)(
                images
            )
            (expected,) = torch.autograd.grad(tokens, product, whole.movedim(1, found.axis))
        _, values = collecting(graph, reverse.kept)(images)
        expected = block.by_head(expected, 3)
        slopes = {}
        for _ in range(2):
            actual = block.by_head(reverse.back(given, values, slopes), 3)
            rows = expected if reverse.rows is None else expected[:, :, :1]
            assert (actual - rows).abs().max() <= 1e-12 * expected.abs().max()


def _leaf(value):
    return value if value.requires_grad else value.detach().requires_grad_(True)
