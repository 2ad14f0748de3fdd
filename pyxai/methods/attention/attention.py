"""The attention of one block."""

from __future__ import annotations

from typing import Literal

from pyxai.attention.stream import layout_of
from pyxai.attention.weights import over_heads
from pyxai.capture.executor import Executor
from pyxai.capture.split import collecting
from pyxai.checks import expect, shown
from pyxai.methods.attention.by_attention import ByAttention, Explain, TokenMaps
from pyxai.methods.feature_map.layered import sides


class Attention(ByAttention):
    """How much one block attends to each patch, the same for all classes.

    It is the softmax of a block, of its first token where that is a class token, and of all tokens, averaged,
    where there is none.

    Attributes:
        block: The number of the block, in order from 0, or from the end: -1 is the last.
        heads: Whether the ``mean`` of the heads is taken, their least (``min``) or their greatest value
            (``max``) for each pair of tokens, or the number of one head.
        token: The number of the token whose attention is shown, class tokens and registers counted; None as
            above.
    """

    name = "attention"

    block: int = -1
    heads: Literal["mean", "min", "max"] | int = "mean"
    token: int | None = None

    def settle(self) -> None:
        super().settle()
        for name, others in (("block", ()), ("token", (type(None),)), ("heads", (str,))):
            value = getattr(self, name)
            whole = isinstance(value, (int, *others)) and not isinstance(value, bool)
            expect(whole, name, "be a whole number", shown(value))

    def prepare(self, executor: Executor) -> Explain:
        graph, blocks = self.in_parts(executor)
        depth = len(blocks)
        expect(-depth <= self.block < depth, "block", f"be in [{-depth}, {depth})", self.block)
        block = blocks[self.block]
        one = isinstance(self.heads, int)
        expect(not one or 0 <= self.heads < block.heads, "heads", f"be in [0, {block.heads})", self.heads)
        known = self.token is None or 0 <= self.token < block.queries
        expect(known, "token", f"be in [0, {block.queries}), the tokens of the block", self.token)
        layout = layout_of(block, sides(self.grid))
        rows = [0] if block.queries == 1 or layout.tokens[0] > 0 else list(range(block.queries))
        rows = rows if self.token is None else [self.token]
        seen = collecting(graph, [(block.weights, over_heads, (block.image_axis, block.heads, self.heads))])

        def explain(images, choose, count):
            scores, (attention,) = seen(images)
            classes = choose(scores[:count])
            maps = layout.maps(attention[:, rows].mean(1)[..., None])[:count, 0]
            return TokenMaps([maps] * classes.shape[1], classes, scores[:count].gather(1, classes))

        return explain
