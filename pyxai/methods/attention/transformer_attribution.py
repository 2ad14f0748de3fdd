"""Transformer attribution."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, fx

from pyxai.attention.stream import Stream
from pyxai.attention.weights import relevance_rollout
from pyxai.capture.attention import AttentionBlock
from pyxai.capture.executor import Executor
from pyxai.capture.split import beside
from pyxai.methods.attention.by_attention import ByAttention, Explain, TokenMaps, on_patches
from pyxai.propagation.lrp.composites import Composite
from pyxai.propagation.lrp.relevance import Relevance, relevance
from pyxai.propagation.lrp.relevances import Relevances
from pyxai.propagation.lrp.rules import ZPlus
from pyxai.propagation.steps import one_hot
from pyxai.propagation.walk import Walk


class TransformerAttribution(ByAttention):
    """Attention of all blocks, weighted by its gradient and relevance, multiplied (Chefer et al. 2021).

    Each block adds Ā = mean over the heads of max(0, ∂S/∂A ⊙ R), and the map is read off the product of
    I + Ā over the blocks, less I, at the tokens that the model's head reads.

    Attributes:
        relevance: What R is. ``lrp`` is the relevance of each attention by layer-wise relevance propagation
            with z⁺ for linear layers (Chefer et al., CVPR 2021, eq. 13); ``attention`` the attention itself,
            the simpler form that its authors gave later (Chefer et al., ICCV 2021, eq. 5 and 6).
    """

    name = "transformer_attribution"

    relevance: Literal["lrp", "attention"] = "lrp"

    def prepare(self, executor: Executor) -> Explain:
        graph, blocks = self.in_parts(executor)
        stream = self.stream(executor, graph, blocks)
        nodes = [block.weights for block in stream.blocks]
        watched = beside(graph, nodes, through=_variable)
        relevances = _Relevances(graph, nodes) if self.relevance == "lrp" else None

        def explain(images, choose, count):
            with torch.enable_grad():
                scores, attentions = watched(images)
            classes = choose(scores[:count].detach())
            chosen = torch.cat([classes, classes[-1:].expand(len(images) - count, -1)])
            found, maps = relevances and relevances.of_classes(images, chosen), []
            for t in range(chosen.shape[1]):
                with torch.enable_grad():
                    own = scores.gather(1, chosen[:, t : t + 1]).sum()
                gradients = torch.autograd.grad(own, attentions, retain_graph=t + 1 < chosen.shape[1])
                weights = found[t] if found else [attention.detach() for attention in attentions]
                maps.append(_map(stream, gradients, weights)[:count])
            return TokenMaps(maps, classes, scores[:count].detach().gather(1, classes))

        return explain


class _Relevances:
    """The relevance of the attention of each block."""

    def __init__(self, graph: fx.GraphModule, nodes: list[fx.Node]):
        composite = Composite(ZPlus(), ZPlus())
        self._nodes, end = nodes, list(graph.graph.nodes)[-1].args[0]
        self._walk = Walk(graph, Relevances(graph, composite), end, nodes[0])

    def of_classes(self, images: Tensor, classes: Tensor) -> list[list[Tensor]]:
        """For each of T classes (n, T) the relevance of each block's attention, laid out as that is."""
        tape = self._walk.forward(images)
        found = []
        for target in classes.unbind(1):
            seen: dict[fx.Node, Tensor] = {}

            def see(step, rule, message, parts, seen=seen) -> None:
                if step.node in self._nodes:
                    seen[step.node] = relevance(message, tape)

            start = Relevance(one_hot(tape[self._walk.end], target), self._walk.end)
            message = self._walk.backward(tape, start, again=True, watch=see)
            seen[self._nodes[0]] = relevance(message, tape)
            found.append([seen[node] for node in self._nodes])
        return found


def _map(stream: Stream, gradients: tuple[Tensor, ...], weights: list[Tensor]) -> Tensor:
    added = [
        _positive(block, gradient * weight)
        for block, gradient, weight in zip(stream.blocks, gradients, weights, strict=True)
    ]
    return on_patches(stream, relevance_rollout(added))


def _positive(block: AttentionBlock, values: Tensor) -> Tensor:
    images = values.shape[block.image_axis] // (block.heads if values.ndim == 3 else 1)
    return block.by_head(values, images).clamp(min=0).mean(1)


def _variable(value: Tensor) -> Tensor:
    return value if value.requires_grad else value.detach().requires_grad_(True)
