"""Decomposition into class-distinct and class-agnostic parts: see :mod:`pyxai.dxai`."""

from __future__ import annotations

import torch
from torch import Tensor

from pyxai.capture.executor import Executor
from pyxai.capture.needs import Needs
from pyxai.checks import expect, whole
from pyxai.dxai.decomposition import decompose
from pyxai.dxai.step import Networks
from pyxai.dxai.trained import trained_networks
from pyxai.dxai.training import Recipe
from pyxai.methods.blocks import by_blocks
from pyxai.methods.method import Method
from pyxai.methods.request import Maps, Request


class DXAI(Method):
    """What of the image tells its class, by generators trained for it (Kadar & Gilboa 2023).

    The map is ψ_distinct, in the units of the model's input. ``extras`` hold ``agnostic``, ``missing`` (what
    the generators do not reproduce: the three sum to the image) and ``psnr`` (of what they do, in decibels).

    Attributes:
        run: The folder that `pyxai dxai train` made for this model.
        samples: The number of random styles given to the generators; the parts are averaged over them.
        seed: The seed of the styles, which are the same for every image.
    """

    name = "dxai"
    needs = Needs.SCORES
    single_output = "binary"
    keep = "attribution"

    run: str = ""
    samples: int = 1
    seed: int = 0

    def settle(self) -> None:
        expect(bool(self.run), "run", "be the folder of a training", repr(self.run))
        whole("samples", self.samples, 1)
        whole("seed", self.seed, 0)

    def attribute(self, executor: Executor, request: Request) -> Maps:
        images = request.images
        recipe, networks = trained_networks(self.run, images.device)
        shape = (len(recipe.black), recipe.size, recipe.size)
        requirement = f"have shape (N, {', '.join(map(str, shape))}), as {self.run} was trained for"
        expect(tuple(images.shape[1:]) == shape, "images", requirement, tuple(images.shape))
        scores = executor.scores(images)
        count = len(recipe.classes)
        requirement = f"have the {count} classes {self.run} was trained for"
        expect(scores.shape[1] == count, "model", requirement, scores.shape[1])
        classes = request.target.choose(scores)

        def explain(rows: slice) -> Maps:
            targets = classes[rows].unbind(1)
            parts = [self._parts(executor, recipe, networks, images[rows], target) for target in targets]
            attribution = [part.pop("distinct") for part in parts]
            return Maps(attribution, extras={name: [part[name] for part in parts] for name in parts[0]})

        maps = by_blocks(executor, images, explain)
        maps.target, maps.score = classes, scores.gather(1, classes)
        maps.evaluations = torch.zeros_like(request.ids)
        return maps

    def _parts(
        self, executor: Executor, recipe: Recipe, networks: Networks, images: Tensor, target: Tensor
    ) -> dict[str, Tensor]:
        """The parts of a model call's images for one class each."""
        span = recipe.range
        filled, classes = executor.fill(images.float()), executor.fill(target)
        parts = decompose(networks, span.unit(filled), classes, samples=self.samples, seed=self.seed)
        found = {
            "distinct": span.scaled(parts.distinct).to(images.dtype),
            "agnostic": span.input(parts.agnostic).to(images.dtype),
            "missing": span.scaled(parts.residual).to(images.dtype),
            "psnr": parts.psnr(),
        }
        return {name: part[: len(images)] for name, part in found.items()}
