"""Attention rollout."""

from __future__ import annotations

from typing import Literal

from pyxai.attention.weights import discarded, over_heads, rollout
from pyxai.capture.executor import Executor
from pyxai.capture.split import collecting
from pyxai.checks import expect, non_negative
from pyxai.methods.attention.by_attention import ByAttention, Explain, TokenMaps, on_patches


class AttentionRollout(ByAttention):
    """The attention of all blocks, multiplied: what of each patch is in what the score is made of.

    Abnar & Zuidema 2020, eq. 1 and 2: the product of Ã = (1 - r) A + r I over the blocks, with rows that sum
    to 1. It is read at the tokens that the model's head reads: the class token, the mean of all, or what a
    pooler with attention of its own makes of them. It is the same for all classes.

    Attributes:
        heads: What is taken of the heads for each pair of tokens: the ``mean``, as in the paper, the least
            value (``min``) or the greatest (``max``).
        discard: The share of each block's attentions of an image, the smallest ones, that count as zero.
        residual: The share r of the residual connection.
    """

    name = "attention_rollout"

    heads: Literal["mean", "min", "max"] = "mean"
    discard: float = 0.0
    residual: float = 0.5

    def settle(self) -> None:
        super().settle()
        for name in ("discard", "residual"):
            non_negative(name, getattr(self, name))
        expect(self.discard < 1, "discard", "be less than 1", self.discard)
        expect(self.residual <= 1, "residual", "be at most 1", self.residual)

    def prepare(self, executor: Executor) -> Explain:
        graph, blocks = self.in_parts(executor)
        stream = self.stream(executor, graph, blocks)
        own = [*stream.blocks, *([stream.pooler] if stream.pooler else [])]
        seen = collecting(
            graph,
            [(block.weights, over_heads, (block.image_axis, block.heads, self.heads)) for block in own],
        )

        def explain(images, choose, count):
            scores, attentions = seen(images)
            classes = choose(scores[:count])
            product = rollout([discarded(part, self.discard) for part in attentions], self.residual)
            maps = on_patches(stream, product)[:count]
            return TokenMaps([maps] * classes.shape[1], classes, scores[:count].gather(1, classes))

        return explain
