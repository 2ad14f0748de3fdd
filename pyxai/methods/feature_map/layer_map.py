"""What methods share that make a map of the places of inner layers."""

from __future__ import annotations

import abc
from dataclasses import dataclass

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.grid import Layout
from pyxai.checks import expect
from pyxai.methods.blocks import by_blocks
from pyxai.methods.feature_map.layered import Layered, Layouts
from pyxai.methods.feature_map.picture import Picture
from pyxai.methods.request import Maps, Request


@dataclass
class LayerMaps:
    """Maps of layers for r images.

    Attributes:
        maps: layer to T maps (r, h, w) of its own size, one for each target.
        target, score: (r, T), the classes and their scores.
        evaluations: how often the model ran for each image.
    """

    maps: dict[str, list[Tensor]]
    target: Tensor
    score: Tensor
    evaluations: int = 1


class LayerMap(Layered, Picture):
    """The mean of the maps of one or several layers, each a picture at the size of the image."""

    @abc.abstractmethod
    def layer_maps(self, executor: Executor, request: Request, layouts: Layouts) -> LayerMaps:
        """The maps of the layers, for at most as many images as a call of the model has rows."""

    def attribute(self, executor: Executor, request: Request) -> Maps:
        layouts, size = self.layouts(executor), tuple(request.images.shape[2:])
        sizes = {layout.size for layout in layouts.values()}
        wanted = "be True for layers of several sizes"
        expect(self.upsample or len(sizes) == 1, "upsample", wanted, f"False for {sorted(sizes)}")

        def explain(rows: slice) -> Maps:
            found = self.layer_maps(executor, request[rows], layouts)
            maps = [
                torch.stack([self.finish(part, size) for part in parts]).mean(0)[:, None]
                for parts in zip(*found.maps.values(), strict=True)
            ]
            evaluations = torch.full_like(request.ids[rows], found.evaluations)
            return Maps(maps, found.target, found.score, evaluations)

        return by_blocks(executor, request.images, explain)

    @staticmethod
    def on_grid(executor: Executor, layout: Layout, values: Tensor) -> Tensor:
        """A layer's values for some images as maps (rows, C, h, w), in float32 at least.

        There are as many as a call has rows, so that sums have one order for any number of images.
        """
        maps = executor.fill(layout.maps(values))
        return maps.to(torch.promote_types(maps.dtype, torch.float32))
