"""LeGrad: how the score of a block's tokens would change if they attended more to a token."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, fx

from pyxai import ops
from pyxai.attention.reverse import Kept, Reverse, some_tokens
from pyxai.attention.stream import Stream
from pyxai.capture.attention import AttentionBlock, attention_parts
from pyxai.capture.split import beside, collecting
from pyxai.checks import expect
from pyxai.propagation.walk import constants

Pooling = Literal["mean", "model", "attention"]
Choose = Callable[[Tensor], Tensor]
_ROWS = 1024  # tokens of all images and targets that go back together: few rows cost as much as many


@dataclass
class BlockMaps:
    """The maps of some blocks for n images.

    Attributes:
        maps: T maps (n, L, h, w), one for each target, of L blocks.
        predictions: (n, L) for each target, the score of each block's tokens.
        score, target: (n, T), the scores of the model and the classes.
    """

    maps: list[Tensor]
    predictions: list[Tensor]
    score: Tensor
    target: Tensor


class LeGrad:
    """LeGrad of one graph (slides, Bousselham et al. 2025).

    The score s of the tokens of a block, pooled, has the gradient ∂s/∂A by the block's attention after its
    softmax; the map is the mean of its positive part over heads and queries. The gradient that arrives at
    what a head gives, O = A V, is enough: ∂s/∂A = ∂s/∂O Vᵀ, and no attention is ever written out.

    Args:
        module: the graph; its attention may be fused.
        stream: its blocks.
        pooling: how the tokens of a block become what is scored: their ``mean``, or as the ``model`` pools
            them at its end; or ``attention``, with the gradient by that of the model's pooler in place of the
            block's own.
        last: how many of the last blocks; None for all.
        prompts: (P, d), vectors whose product with the unit vector of what the model gives is the score.
        product: whether they are multiplied with the pooled tokens as they are, without the model's own head.
    """

    def __init__(
        self,
        module: fx.GraphModule,
        stream: Stream,
        pooling: Pooling = "mean",
        last: int | None = None,
        prompts: Tensor | None = None,
        product: bool = False,
    ):
        self._stream, self._pooling, self._prompts, self._product = stream, pooling, prompts, product
        depth = len(stream.blocks)
        expect(last is None or last <= depth, "blocks", f"be at most {depth}, which the model has", last)
        self._numbers = range(depth - (last or depth), depth)
        self._count = stream.few() if pooling == "mean" else stream.first()
        rows = None
        if pooling == "model" and len(stream.reads) < stream.tokens:
            rows = stream.reads
        self._check_width(module)
        self._reverses: list[Reverse] = []
        if pooling == "attention":
            self._pooler = _pooler(stream)
        else:
            known = constants(module)
            self._reverses = [Reverse(module, stream, number, known, rows) for number in self._numbers]
        self._graph = collecting(module, self._kept())

    def maps(self, images: Tensor, choose: Choose, count: int) -> BlockMaps:
        """The maps of the first ``count`` of ``images`` (n, C, H, W).

        Args:
            choose: the scores (count, K) to classes (count, T).
        """
        scores, kept = self._graph(images)
        if self._prompts is not None:
            scores = self._by_prompts(kept[-1].movedim(self._stream.axis, 1) if self._product else scores)
        classes = choose(scores[:count])
        chosen = torch.cat([classes, classes[-1:].expand(len(images) - count, -1)])
        columns = chosen.unbind(1)
        maps: list[list[Tensor]] = [[] for _ in columns]
        predictions: list[list[Tensor]] = [[] for _ in columns]
        place = 0
        for index in range(len(self._numbers)):
            own = 2 + len(self._reverses[index].kept) if self._reverses else 1
            found = self._of_block(index, kept[place : place + own], columns)
            place += own
            for column, (sums, prediction) in enumerate(found):
                maps[column].append(self._stream.layout.maps(sums[..., None])[:count, 0])
                predictions[column].append(prediction[:count])
        stacked = ([torch.stack(parts, 1) for parts in of_target] for of_target in (maps, predictions))
        return BlockMaps(*stacked, scores[:count].gather(1, classes), classes)

    def _of_block(self, index: int, kept: list[Tensor], columns: tuple[Tensor, ...]):
        """For each target the mean of the positive gradients by each key (n, S), and the score (n,)."""
        if self._pooling == "attention":
            yield from self._of_pooler(kept[0].movedim(self._stream.axis, 1), columns)
            return
        tokens, values, *read = kept
        block, reverse, slopes = self._stream.blocks[self._numbers[index]], self._reverses[index], {}
        tokens = tokens.movedim(self._stream.axis, 1).detach()
        images, rows = len(tokens), max(tokens.shape[1], len(reverse.rows or ()))
        values = block.by_head(values, images).contiguous()
        together = max(1, _ROWS // (images * rows))
        for first in range(0, len(columns), together):
            gradients, predictions = self._by_tokens(tokens, columns[first : first + together])
            if len(gradients) < together:
                slopes = {}  # they have the rows of all targets
            arriving = self._arriving(block, reverse, gradients, read, slopes)
            for of_target, prediction in zip(arriving, predictions, strict=True):
                yield ops.legrad(of_target, values) / (block.heads * block.queries), prediction

    def _by_tokens(self, tokens: Tensor, columns: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """Gradients (T, n, R, D) of the scores of T targets by tokens (n, R, D), and the scores (T, n)."""
        copies = tokens.repeat(len(columns), 1, 1).requires_grad_(True)
        with torch.enable_grad():
            own = self._scores(copies).gather(1, torch.cat(columns)[:, None])[:, 0]
            (gradients,) = torch.autograd.grad(own.sum(), copies)
        return gradients.unflatten(0, (len(columns), -1)), own.detach().view(len(columns), -1)

    def _arriving(
        self, block: AttentionBlock, reverse: Reverse, gradients: Tensor, read: list[Tensor], slopes: dict
    ) -> Iterable[Tensor]:
        """For each target the gradient by what the attention of each head gives, (n, h, queries, d)."""
        targets, images = gradients.shape[:2]
        if reverse.rows is None:
            if self._pooling == "mean":
                gradients = gradients / self._stream.tokens
            elif self._count < self._stream.tokens:
                gradients = F.pad(gradients, (0, 0, 0, self._stream.tokens - self._count))
            return (block.by_head(reverse.back(part, read, slopes), images) for part in gradients)
        rows = some_tokens(gradients, 2, list(reverse.rows)).transpose(0, 1).flatten(1, 2).contiguous()
        found = block.by_head(reverse.back(rows, read, slopes), images)
        return found.unflatten(2, (targets, -1)).unbind(2)

    def _of_pooler(self, tokens: Tensor, columns: tuple[Tensor, ...]):
        pooler, images = self._stream.pooler, len(tokens)
        with torch.enable_grad():
            scores, (values, product) = self._pooler(
                tokens if self._stream.axis == 1 else tokens.transpose(0, 1)
            )
            scores = scores if self._prompts is None else self._by_prompts(scores)
        values = pooler.by_head(values.detach(), images).contiguous()
        for gradient, prediction in _gradients(scores, product, columns):
            arriving = pooler.by_head(gradient, images)
            yield ops.legrad(arriving, values) / (pooler.heads * pooler.queries), prediction

    def _scores(self, tokens: Tensor) -> Tensor:
        """The scores (n, K) of pooled tokens (n, 1, D), or of the first ones."""
        if self._product:
            return self._by_prompts(tokens)
        if self._pooling == "mean":
            tokens = tokens.expand(-1, self._count, -1)
        scores = self._stream.scores(tokens)
        return scores if self._prompts is None else self._by_prompts(scores)

    def _by_prompts(self, features: Tensor) -> Tensor:
        """Products (n, P) with the vectors, of features (n, d), or of tokens (n, R, D) for a bare product."""
        if not self._product:
            return F.normalize(features, dim=1) @ self._prompts.T
        if self._pooling == "model":
            features = features[:, list(self._stream.reads)]
        return features.mean(1) @ self._prompts.T

    def _check_width(self, module: fx.GraphModule) -> None:
        attended = self._pooling == "attention"
        expect(
            not (attended and self._product), "head", "be 'model' for the pooling 'attention'", "'product'"
        )
        if self._prompts is None:
            return
        last = self._stream.outputs[-1] if self._product else list(module.graph.nodes)[-1].args[0]
        width, of = (
            int(last.meta["val"].shape[-1]),
            "the tokens have" if self._product else "the model returns",
        )
        got = f"shape {tuple(self._prompts.shape)}"
        expect(self._prompts.shape[1] == width, "prompts", f"have shape (P, {width}), as {of}", got)

    def _kept(self) -> list[Kept]:
        """What is kept of the forward pass, for each block in order."""
        axis, kept = self._stream.axis, []
        whole = self._pooling == "attention" or self._count == self._stream.tokens
        for index, number in enumerate(self._numbers):
            output = self._stream.outputs[number]
            if self._pooling == "mean":
                kept.append((output, _mean, (axis,)))
            else:
                first = (axis, list(range(self._count)))
                kept.append((output, None, ()) if whole else (output, some_tokens, first))
            if self._reverses:
                kept += [(self._stream.blocks[number].value, None, ()), *self._reverses[index].kept]
        if self._product:
            kept.append(kept[-2 - len(self._reverses[-1].kept)])
        return kept


def _mean(values: Tensor, axis: int) -> Tensor:
    return values.mean(axis, keepdim=True)


def _pooler(stream: Stream) -> fx.GraphModule:
    """The head with the values of its pooler and what that gives, both as something to differentiate by."""
    got = "blocks of tokens alone"
    wanted = "pool its tokens by attention (else `pooling` 'mean' or 'model')"
    expect(stream.pooler is not None, "model", wanted, got)
    (parts,) = attention_parts(stream.head.graph)
    return beside(stream.head, [parts.value, parts.product], through=_variable)


def _variable(value: Tensor) -> Tensor:
    return value if value.requires_grad else value.detach().requires_grad_(True)


def _gradients(scores: Tensor, by: Tensor, columns: tuple[Tensor, ...]):
    """The gradient of the score of each target by a value, and the score (n,)."""
    for number, classes in enumerate(columns):
        with torch.enable_grad():
            own = scores.gather(1, classes[:, None])[:, 0]
            total = own.sum()
        (gradient,) = torch.autograd.grad(total, by, retain_graph=number < len(columns) - 1)
        yield gradient, own.detach()
