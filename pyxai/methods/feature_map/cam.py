"""CAM, the class activation map."""

from __future__ import annotations

import math

import torch
from torch import Tensor, fx

from pyxai.capture.executor import Choose, Executor
from pyxai.capture.export import module_path
from pyxai.capture.needs import Needs
from pyxai.capture.split import before, behind
from pyxai.checks import expect
from pyxai.methods.blocks import by_blocks
from pyxai.methods.feature_map.channels import places, weighted
from pyxai.methods.feature_map.picture import Picture
from pyxai.methods.request import Maps, Request

aten = torch.ops.aten

_WANTED = "end in a global average and what is linear in it (grad_cam asks for neither)"
_ROUNDING = 1e-3  # share of the largest score by which a head may be unlike a linear one


class CAM(Picture):
    """Maps in front of the global average, by their weights for the class (survey §4.6; Zhou et al. 2016).

    The map is Σ_k w_k A_k with the values A that the model averages over the image before a head that is
    linear in these averages: the mean of the map and the bias of the class are the score. Models that end in
    another way are refused.
    """

    name = "cam"

    needs = Needs.GRAPH
    relu = False

    def attribute(self, executor: Executor, request: Request) -> Maps:
        parts = executor.program.prepared(self, lambda: _Parts(executor.program.forward))
        size = tuple(request.images.shape[2:])
        whole = not (self.relu or self.upsample) and self.normalize == "none"

        def explain(rows: slice) -> Maps:
            part = request[rows]
            values = parts.values(executor.fill(part.images))
            weights, scores, classes = parts.weights(values, part.target.choose, len(part))
            maps = [self.finish(weighted(values, weight)[: len(part)], size)[:, None] for weight in weights]
            count = math.prod(values.shape[2:])
            expected = count * (scores - parts.bias[classes]).double() if whole else None
            return Maps(maps, classes, scores, torch.ones_like(part.ids), expected)

        return by_blocks(executor, request.images, explain)


class _Parts:
    """A graph as what makes its last maps, and a head that is linear in their averages over the image.

    Attributes:
        bias: (K,), the scores of maps of zeros.
    """

    def __init__(self, graph: fx.GraphModule):
        last = _last_maps(graph)
        got = "no map of the image that all scores go through"
        expect(last is not None, "model", _WANTED, got)
        self._body, self._head = before(graph, last), behind(graph, last)
        self.bias, self._channel = self._zeros_and_channel(last.meta["val"])
        got = f"something else behind {module_path(last) or 'its last map'!r}"
        expect(self._channel is not None, "model", _WANTED, got)

    def values(self, images: Tensor) -> Tensor:
        """The maps (n, C, h, w) of images."""
        return self._body(images).movedim(self._channel, 1)

    def weights(self, values: Tensor, choose: Choose, count: int) -> tuple[list[Tensor], Tensor, Tensor]:
        """T weights (n, C) of the channels, and the first ``count`` scores and classes (count, T)."""
        leaf = values.detach().requires_grad_(True)
        with torch.enable_grad():
            logits = self._head(leaf.movedim(1, self._channel))
            classes = choose(logits[:count].detach())
            scores = logits[:count].gather(1, classes)
            gradients = [
                torch.autograd.grad(score.sum(), leaf, retain_graph=True)[0] for score in scores.unbind(1)
            ]
        return [gradient.sum(places(gradient)) for gradient in gradients], scores.detach(), classes

    def _zeros_and_channel(self, like: Tensor) -> tuple[Tensor, int | None]:
        """The scores of zeros, and the axis of the channels; None where the head is no such head."""
        generator, (_, *shape) = torch.Generator().manual_seed(0), like.shape
        one, other = torch.rand(2, 1, *shape, generator=generator).to(like.device, like.dtype)
        zero = self._head(torch.zeros_like(one))
        for scale in (1, 1000, -1000):
            if not _alike(
                self._head(one + scale * other) + zero, self._head(one) + self._head(scale * other)
            ):
                return zero[0], None
        for channel in (1, like.ndim - 1):
            axes = [axis for axis in range(1, like.ndim) if axis != channel]
            if _alike(self._head(one), self._head(one.mean(axes, keepdim=True).expand_as(one))):
                return zero[0], channel
        return zero[0], None


def _alike(scores: Tensor, others: Tensor) -> bool:
    return bool((scores - others).abs().max() <= _ROUNDING * others.abs().max())


def _last_maps(graph: fx.GraphModule) -> fx.Node | None:
    """The last node with the axes of images and several places, if everything goes through it."""
    nodes = list(graph.graph.nodes)
    images = next(node for node in nodes if node.op == "placeholder")
    axes = images.meta["val"].ndim
    shapes = {node: node.meta["val"].shape[1:] for node in nodes if isinstance(node.meta.get("val"), Tensor)}
    maps = [
        node for node, shape in shapes.items() if len(shape) == axes - 1 and sum(n > 1 for n in shape) > 1
    ]
    if not maps or maps[-1].op != "call_function":
        return None
    past = {images}
    for node in nodes:
        sized = node.target is aten.sym_size.int
        if node is not maps[-1] and not sized and past.intersection(node.all_input_nodes):
            past.add(node)
    return None if nodes[-1] in past else maps[-1]
