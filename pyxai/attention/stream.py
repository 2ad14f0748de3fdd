"""The tokens of a transformer from block to block, and what its head makes of them."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from pyxai.capture.attention import AttentionBlock, varying_nodes
from pyxai.capture.grid import Layout
from pyxai.capture.rows import channels_last
from pyxai.capture.split import behind, beside
from pyxai.capture.vocabulary import SIZES, SUMS
from pyxai.checks import expect
from pyxai.propagation.per_image import image_axis

_ROUNDING = 1e-4  # share of the largest score that two ways to it may be apart, in single precision


class Stream:
    """The tokens between blocks that look at all of the image, which everything later goes through.

    Attributes:
        blocks: the attention blocks in which tokens look at each other.
        pooler: the one behind them that makes one value of all tokens; None where there is none.
        tokens: how many there are.
        layout: where they lie over the image.
        outputs: for each block the node of the tokens that it, with what follows it, passes on.
        axis: where these nodes have the tokens, 0 or 1; the other one is that of the images.
        head: the scores as a function of the last of these.
        reads: the tokens that the head looks at.

    Args:
        module: a graph of one tensor in, one tensor out.
        blocks: its attention blocks.
        images: some to try, (n, C, H, W).
        grid: rows and columns of the tokens, the last of which lie on it; None to find out.

    Raises:
        ValueError: the model is no such transformer, by what it has in its place.
    """

    def __init__(
        self,
        module: fx.GraphModule,
        blocks: tuple[AttentionBlock, ...],
        images: Tensor,
        grid: tuple[int, ...] | None = None,
    ):
        check_blocks(blocks)
        self.blocks = tuple(block for block in blocks if block.among_themselves)
        expect(bool(self.blocks), "model", "have blocks in which all tokens look at each other", "none")
        counts = list(dict.fromkeys(block.keys for block in self.blocks))
        got = f"{' and '.join(map(str, counts))} tokens"
        expect(len(counts) == 1, "model", "keep its tokens from block to block", got)
        (self.tokens,) = counts
        self.layout = layout_of(self.blocks[0], grid)
        self.outputs = _outputs(module, self.blocks)
        self.axis = 1 - image_axis(self.outputs[-1])[0]
        behind_them = blocks[blocks.index(self.blocks[-1]) + 1 :]
        self.pooler = behind_them[0] if len(behind_them) == 1 else None
        self.head = behind(module, self.outputs[-1], 1 - self.axis)
        with torch.no_grad():
            (example,) = beside(module, [self.outputs[-1]], scores=False)(channels_last(images))
        self._example = example.movedim(self.axis, 1)  # (n, T, D)
        self.reads = self._reads()

    def scores(self, tokens: Tensor) -> Tensor:
        """The scores (n, K) of the tokens (n, T, D) of a block, by the model's own head."""
        return self.head(tokens if self.axis == 1 else tokens.transpose(0, 1))

    def few(self) -> int:
        """How many tokens that are all alike will do for the head in place of all."""
        token = self._example[:, -1:]
        whole = token.expand(-1, self.tokens, -1)
        tried = (
            1,
            self.tokens - len(self.layout.tokens) + 1,
        )  # a head that leaves class tokens out needs one more
        return next((count for count in tried if self._alike(whole[:, :count], whole)), self.tokens)

    def first(self) -> int:
        """How many of the first tokens will do for the head in place of all."""
        count = max(self.reads) + 1
        return count if self._alike(self._example[:, :count], self._example) else self.tokens

    def _alike(self, tokens: Tensor, others: Tensor) -> bool:
        with torch.no_grad():
            expected = self.scores(others)
            try:
                found = self.scores(tokens)
            except (RuntimeError, IndexError):  # the head asks for all tokens
                return False
        if found.shape != expected.shape:
            return False
        return bool((found - expected).abs().max() <= _ROUNDING * expected.abs().max())

    def _reads(self) -> tuple[int, ...]:
        leaf = self._example.detach().requires_grad_(True)
        with torch.enable_grad():
            scores = self.scores(leaf)
            weights = torch.linspace(1, 2, scores[0].numel(), dtype=scores.dtype, device=scores.device)
            (gradient,) = torch.autograd.grad((scores.flatten(1) * weights).sum(), leaf)
        read = gradient.any(2).any(0).tolist()
        return tuple(place for place, used in enumerate(read) if used)


def check_blocks(blocks: tuple[AttentionBlock, ...]) -> None:
    """Raise a :class:`ValueError` where there are no blocks, or some that look at windows of the image."""
    wanted = "have attention, a softmax between two matrix products"
    expect(bool(blocks), "model", wanted, "none in its graph")
    window = next((block for block in blocks if block.windows > 1), None)
    if window is not None:
        wanted = "look at the whole image in each attention block (grad_cam and layer_cam take windows, too)"
        got = f"{window.windows} windows of {window.keys} tokens in `{window.module}`"
        expect(False, "model", wanted, got)


def layout_of(block: AttentionBlock, grid: tuple[int, ...] | None = None) -> Layout:
    """Where the keys of a block lie over the image.

    Args:
        grid: its rows and columns; the last of the tokens lie on it.

    Raises:
        ValueError: that cannot be told, or the grid has more places than there are tokens.
    """
    if grid is not None:
        count = 1
        for side in grid:
            count *= side
        wanted = f"have at most {block.keys} places, one for each token"
        expect(1 < count <= block.keys, "grid", wanted, f"{count} of {grid}")
        return Layout(grid, -1, tuple(range(block.keys - count, block.keys)))
    wanted = f"be given, (rows, columns): where the {block.keys} tokens lie cannot be told"
    expect(block.layout is not None, "grid", wanted, None)
    return block.layout


def _outputs(module: fx.GraphModule, blocks: tuple[AttentionBlock, ...]) -> list[fx.Node]:
    """The node behind each block, the last before the next one, that all later values are made of.

    Behind the last block, whose head may begin with a norm of all tokens, it is one of the same kind as
    behind the others: the sum of a residual connection as a rule.
    """
    nodes = list(module.graph.nodes)
    place = {node: number for number, node in enumerate(nodes)}
    tokens = blocks[0].keys
    cuts = [node for node in _cuts(module.graph) if _has_tokens(node, tokens)]
    ends = [*(place[block.product] for block in blocks[1:]), len(nodes)]
    found: list[fx.Node | None] = []
    before, count = None, 0  # the end of the block before, and as which of the values behind its attention
    for block, end in zip(blocks, ends, strict=True):
        between = [node for node in cuts if place[block.product] <= place[node] < end]
        if end == len(nodes) and between:
            kinds = SUMS if before is None else {before.target}
            same = [node for node in between[count - 1 : count] if before and node.target in kinds]
            between = same or [node for node in between if node.target in kinds] or between
        elif between:
            before, count = between[-1], len(between)
        found.append(between[-1] if between else None)
    wanted = "pass its tokens on from block to block"
    expect(found[-1] is not None, "model", wanted, f"something else behind `{blocks[-1].module}`")
    for number in reversed(range(len(found) - 1)):
        found[number] = found[number] or found[number + 1]  # blocks beside each other
    return found


def _cuts(graph: fx.Graph) -> list[fx.Node]:
    """The values that all later ones are made of."""
    varying, open_, cuts = varying_nodes(graph), {}, []
    for node in graph.nodes:
        if node not in varying:
            continue
        for source in node.all_input_nodes:
            if source in open_:
                open_[source].discard(node)
                if not open_[source]:
                    del open_[source]
        if users := {user for user in node.users if user.target not in SIZES}:
            open_[node] = users
            if len(open_) == 1:
                cuts.append(node)
    return cuts


def _has_tokens(node: fx.Node, tokens: int) -> bool:
    """Whether a value is (n, T, D), or (T, n, D)."""
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or value.ndim != 3 or tokens not in value.shape[:2]:
        return False
    axis, _ = image_axis(node)
    return axis < 2 and value.shape[1 - axis] == tokens
