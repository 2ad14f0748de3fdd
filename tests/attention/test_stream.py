"""Where blocks end, what the head reads, and what is refused."""

import pytest
import torch
from torch import nn

from pyxai.attention.stream import Stream, layout_of
from pyxai.capture.classifier import Classifier
from pyxai.capture.program import capture
from pyxai.capture.split import beside
from tests import vits
from tests.capture.test_attention import Windows


def stream(model, images, output=None, **options):
    program = capture(Classifier(model, output), images)
    return program, Stream(program.forward, program.attention(), program.survey.halves, **options)


@pytest.mark.parametrize("name", vits.AT_HAND)
def test_the_tokens_behind_each_block_and_the_head(name):
    vit, model, images = vits.VITS[name], vits.build(name), vits.images(3)
    program, found = stream(model, images, vit.output)
    assert len(found.blocks) == vits.DEPTH and (found.pooler is not None) == vit.pooled
    _, tokens = vits.eager(name, model, images)
    with torch.no_grad():
        values = beside(program.forward, found.outputs, scores=False)(images)
        for value, expected in zip(values, tokens, strict=True):
            assert torch.allclose(value.movedim(found.axis, 1), expected, rtol=1e-10, atol=1e-12)
            head = vit.head(model, expected)
            assert torch.allclose(found.scores(expected), head, rtol=1e-10, atol=1e-12)
            mean = expected.mean(1, keepdim=True)
            few, count = found.scores(mean.expand(-1, found.few(), -1)), found.first()
            assert torch.allclose(few, vit.head(model, mean.expand_as(expected)), rtol=1e-10, atol=1e-12)
            assert torch.allclose(found.scores(expected[:, :count]), head, rtol=1e-10, atol=1e-12)


def test_what_the_head_reads():
    images = vits.images()
    assert stream(vits.build("hand"), images)[1].reads == (0,)
    assert stream(vits.build("hand, mean"), images)[1].reads == tuple(range(16))


def test_a_grid_may_be_given():
    model = vits.build("hand")
    program = capture(Classifier(model), vits.images())
    (block, *_) = program.attention()
    assert layout_of(block, (2, 8)).tokens == tuple(range(1, 17))
    with pytest.raises(
        ValueError, match=r"`grid` must have at most 17 places, one for each token, got 18 of \(3, 6\)"
    ):
        layout_of(block, (3, 6))


class Scattered(vits.Hand):
    """Three more tokens that depend on the image, so that 19 lie on no grid."""

    def embed(self, images):
        x = super().embed(images)
        return torch.cat([x, x[:, 1:4] * 2], 1)


class Shrinking(vits.Hand):
    """The second block has half the tokens."""

    def forward(self, images):
        x = self.blocks[0](self.embed(images))
        return self.end(self.blocks[1](x[:, ::2]))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Windows,
            r"`model` must look at the whole image in each attention .*, got 4 windows of 4 tokens",
        ),
        (
            Scattered,
            r"`grid` must be given, \(rows, columns\): where the 20 tokens lie cannot be told, got None",
        ),
        (Shrinking, r"`model` must keep its tokens from block to block, got 17 and 9 tokens"),
        (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
            "`model` must have attention, a softmax between two matrix products, got none in its graph",
        ),
    ],
)
def test_what_is_refused(model, message):
    with pytest.raises(ValueError, match=message) as error:
        stream(model().double().eval(), vits.images())
    assert "\n" not in str(error.value)
